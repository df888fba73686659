package torture

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"
)

// process is an OS process that runs one part of Signalbox, Temporal or PostgreSQL. It is not safe for concurrent use.
type process struct {
	role role
	// plays is the role that it is started with, its own but for tests.
	plays role
	// program is what is run; nil: this binary.
	program func() (*exec.Cmd, error)
	folder  string
	command *exec.Cmd
	// alive is held open while this process lives: a child that reads its end stops.
	alive io.Closer
	log   *os.File
	// exited is closed when the process has ended; exitError, set before that, says how.
	exited    chan struct{}
	exitError error
}

// argument is the name of the hidden command by which this binary runs itself.
const argument = "process"

func (p *process) prepare() (*exec.Cmd, error) {
	if p.program != nil {
		return p.program()
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return exec.Command(self, "torture", argument, string(p.plays), "--folder", p.folder), nil
}

// start runs the process. It does not wait until it is ready.
func (p *process) start() error {
	command, err := p.prepare()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.role, err)
	}
	p.log, err = os.OpenFile(filepath.Join(p.folder, string(p.role)+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("log of %s: %w", p.role, err)
	}
	command.Stdout, command.Stderr = p.log, p.log
	bind(command)
	alive, err := command.StdinPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", p.role, err), p.log.Close())
	}
	p.command, p.alive, p.exited = command, alive, make(chan struct{})
	go func(exited chan struct{}) {
		p.exitError = command.Wait()
		close(exited)
	}(p.exited)
	return nil
}

// kill ends the process at once and waits for that, and for the end of what it has started: PostgreSQL's processes end when they find their
// first one gone, and until then no other server can have their data.
func (p *process) kill() error {
	children := childrenOf(p.command.Process.Pid)
	// It may have ended by itself just now: then it needs no kill.
	if err := p.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.role, err)
	}
	if err := p.waitAndClose(); err != nil {
		return err
	}
	return awaitEnd(children)
}

// stop asks the process to end and kills it where it does not within the time. The error says that it ended otherwise than with success.
func (p *process) stop(timeout time.Duration) error {
	if err := askToStop(p.command.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return errors.Join(fmt.Errorf("stop %s: %w", p.role, err), p.kill())
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		return errors.Join(fmt.Errorf("%s did not stop within %s", p.role, timeout), p.kill())
	}
	if err := p.waitAndClose(); err != nil {
		return err
	}
	if p.exitError != nil {
		return fmt.Errorf("%s did not stop well: %w", p.role, p.exitError)
	}
	return nil
}

// waitAndClose waits for the end of the process and closes its log and its standard input. It may be called twice.
func (p *process) waitAndClose() error {
	<-p.exited
	// Wait has closed the pipe already where the process ended first.
	if err := p.alive.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close the standard input of %s: %w", p.role, err)
	}
	if err := p.log.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("log of %s: %w", p.role, err)
	}
	return nil
}

// pause stops the process and its children with SIGSTOP, and continues them after a time.
func (p *process) pause(ctx context.Context, length time.Duration) error {
	if err := pauseProcess(p.command.Process); err != nil {
		return fmt.Errorf("pause %s: %w", p.role, err)
	}
	// It is stopped first, so that it starts no more.
	release, err := pauseChildren(childrenOf(p.command.Process.Pid))
	if err != nil {
		return errors.Join(fmt.Errorf("pause what %s started: %w", p.role, err), resumeProcess(p.command.Process))
	}
	wait(ctx, length)
	if err := release(); err != nil {
		return fmt.Errorf("resume what %s started: %w", p.role, err)
	}
	if err := resumeProcess(p.command.Process); err != nil {
		return fmt.Errorf("resume %s: %w", p.role, err)
	}
	return nil
}

// wait returns after the time, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// temporalReady asks for the namespace, which takes the server's database.
func (r *run) temporalReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := r.stage.temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	return err
}

func (r *run) ingressReady(ctx context.Context) error {
	return r.get(ctx, r.world.ingressURL()+"/healthz", func(io.Reader) error { return nil })
}

// pending is how many deliveries wait to be handed out, as the ingress's own metrics say.
func (r *run) pending(ctx context.Context) (count int, err error) {
	const metric = `signalbox_inbox_deliveries{state="pending"} `
	count = -1
	err = r.get(ctx, r.world.internalURL()+"/metrics", func(body io.Reader) error {
		for lines := bufio.NewScanner(body); lines.Scan(); {
			if value, ok := strings.CutPrefix(lines.Text(), metric); ok {
				n, err := strconv.ParseFloat(value, 64)
				count = int(n)
				return err
			}
		}
		return errors.New("the ingress does not say how much is pending")
	})
	return count, err
}

// asks is the client for the ingress's own pages. A new connection each time: the process may be another one.
var asks = &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func (r *run) get(ctx context.Context, url string, read func(io.Reader) error) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := asks.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return read(response.Body)
}
