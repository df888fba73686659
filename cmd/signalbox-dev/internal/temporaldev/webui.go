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

// startUI serves the UI and returns when it answers.
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
		// The codec server asks for a session where it asks for anything.
		Codec: uiconfig.Codec{Endpoint: opts.UICodecEndpoint, IncludeCredentials: opts.UICodecEndpoint != ""},
	}
	ui := &webUI{
		url:    "http://" + addr.String(),
		server: uiserver.NewServer(uioptions.WithConfigProvider(cfg)),
		served: make(chan struct{}),
	}
	go func() {
		defer close(ui.served)
		// It ends the process where it cannot listen (hence reserveAddresses), and returns nil otherwise.
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
			return fmt.Errorf("wait for the Web UI: %w (last answer: %w)", ctx.Err(), err)
		case <-poll.C:
		}
	}
}

// stop closes the UI's port and waits until it has.
func (ui *webUI) stop() {
	ui.server.Stop()
	<-ui.served
}
