package temporaldev

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

// webUI is the running Temporal Web UI.
type webUI struct {
	url    string
	server *uiserver.Server
	served chan struct{} // closed when the server has ended
}

// startUI starts the UI and returns when it answers requests.
func startUI(ctx context.Context, addr netip.AddrPort, frontendAddr string, opts Options) (*webUI, error) {
	cfg := &uiconfig.Config{
		TemporalGRPCAddress: frontendAddr,
		Host:                addr.Addr().String(),
		Port:                int(addr.Port()),
		EnableUI:            true,
		DefaultNamespace:    opts.Namespace,
		DisableNewsFetch:    true, // The UI has to work without a network.
		HideLogs:            true,
		// Without TLS a browser keeps a "secure" cookie only for localhost, and without the CSRF cookie the UI
		// refuses to signal, cancel or terminate.
		CORS: uiconfig.CORS{CookieInsecure: true},
		// The browser has to send the session cookie: a codec server with access tokens requires it.
		Codec: uiconfig.Codec{Endpoint: opts.UICodecEndpoint, IncludeCredentials: opts.UICodecEndpoint != ""},
	}
	ui := &webUI{
		url:    "http://" + addr.String(),
		server: uiserver.NewServer(uioptions.WithConfigProvider(cfg)),
		served: make(chan struct{}),
	}
	go func() {
		defer close(ui.served)
		// Start exits the whole process if it cannot listen (hence reserveAddresses). Otherwise it returns nil.
		_ = ui.server.Start()
	}()
	if err := ui.awaitReady(ctx); err != nil {
		ui.stop()
		return nil, err
	}
	return ui, nil
}

func (ui *webUI) awaitReady(ctx context.Context) error {
	httpClient := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	poll := time.NewTicker(readyPollInterval)
	defer poll.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, ui.url+"/healthz", nil)
		if err != nil {
			return fmt.Errorf("request to the Web UI: %w", err)
		}
		resp, err := httpClient.Do(req)
		if err == nil {
			closeErr := resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return closeErr
			}
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the Web UI: %w (last error: %w)", ctx.Err(), err)
		case <-poll.C:
		}
	}
}

// stop stops the UI and waits until its server has ended.
func (ui *webUI) stop() {
	ui.server.Stop()
	<-ui.served
}
