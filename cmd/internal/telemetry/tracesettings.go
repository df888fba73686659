package telemetry

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// TraceSettings are what the environment says of traces, as OpenTelemetry's "Environment Variable Specification" names it.
type TraceSettings struct {
	// Endpoint is where spans are posted, without user name, password and query; empty: traces are off.
	Endpoint string
	// Sampler is the sampler with its argument.
	Sampler string
}

// On says whether spans are made.
func (s TraceSettings) On() bool { return s.Endpoint != "" }

const (
	envEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	envSampler        = "OTEL_TRACES_SAMPLER"
	envSamplerArg     = "OTEL_TRACES_SAMPLER_ARG"
)

// ReadTraceSettings reads the variables that turn traces on and names all that can't be used: the OpenTelemetry SDK would only print them, and
// use its defaults. OTEL_SDK_DISABLED=true and OTEL_TRACES_EXPORTER=none turn traces off. environ is a list of NAME=value, as os.Environ returns it.
func ReadTraceSettings(environ []string) (TraceSettings, error) {
	get := func(name string) string {
		for _, entry := range environ {
			if value, found := strings.CutPrefix(entry, name+"="); found {
				return value
			}
		}
		return ""
	}
	word := func(name string) string { return strings.ToLower(strings.TrimSpace(get(name))) }
	exporter := word("OTEL_TRACES_EXPORTER")
	if exporter == "none" || word("OTEL_SDK_DISABLED") == "true" || get(envEndpoint) == "" && get(envTracesEndpoint) == "" {
		return TraceSettings{}, nil // what is set for others is not checked
	}
	var wrong []error
	if exporter != "" && exporter != "otlp" {
		wrong = append(wrong, fmt.Errorf("OTEL_TRACES_EXPORTER: %q: want otlp or none", exporter))
	}
	if protocol := cmp.Or(word("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), word("OTEL_EXPORTER_OTLP_PROTOCOL")); protocol != "" && protocol != "http/protobuf" {
		wrong = append(wrong, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL: %q: want http/protobuf", protocol))
	}
	wrong = append(wrong, checkHeaders(get), checkNumbers(get), checkFiles(get))
	settings := TraceSettings{Sampler: "parentbased_always_on"}
	for name, path := range map[string]string{envEndpoint: "v1/traces", envTracesEndpoint: ""} {
		if get(name) == "" {
			continue
		}
		// The parser's message repeats the URL, which may hold a password.
		at, err := url.Parse(get(name))
		if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
			wrong = append(wrong, fmt.Errorf("%s: want a URL with http or https and a host, such as http://localhost:4318", name))
			continue
		}
		if settings.Endpoint == "" || name == envTracesEndpoint {
			settings.Endpoint = (&url.URL{Scheme: at.Scheme, Host: at.Host, Path: at.Path}).JoinPath(path).String()
		}
	}
	if sampler := word(envSampler); sampler != "" {
		settings.Sampler = sampler
		wrong = append(wrong, checkSampler(sampler, strings.TrimSpace(get(envSamplerArg))))
		if arg := strings.TrimSpace(get(envSamplerArg)); arg != "" {
			settings.Sampler += " " + arg
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return TraceSettings{}, err
	}
	return settings, nil
}

func checkSampler(sampler, arg string) error {
	switch sampler {
	case "always_on", "always_off", "parentbased_always_on", "parentbased_always_off":
		return nil
	case "traceidratio", "parentbased_traceidratio":
		if ratio, err := strconv.ParseFloat(cmp.Or(arg, "1"), 64); err != nil || ratio < 0 || ratio > 1 {
			return fmt.Errorf("%s: %q: want a share from 0 to 1", envSamplerArg, arg)
		}
		return nil
	}
	return fmt.Errorf("%s: %q: want always_on, always_off, traceidratio, or one of them after parentbased_", envSampler, sampler)
}

// checkHeaders repeats no value: headers hold the collector's key.
func checkHeaders(get func(string) string) error {
	var wrong []error
	for _, name := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		for n, header := range strings.Split(get(name), ",") {
			if strings.TrimSpace(header) == "" {
				continue
			}
			key, value, both := strings.Cut(header, "=")
			_, err := url.PathUnescape(value)
			if !both || strings.TrimSpace(key) == "" || err != nil {
				wrong = append(wrong, fmt.Errorf("%s: entry %d: want name=value, with special characters percent-encoded", name, n+1))
			}
		}
	}
	return errors.Join(wrong...)
}

// checkNumbers refuses what the SDK would replace by a default without a word, or fail over.
func checkNumbers(get func(string) string) error {
	var wrong []error
	for _, name := range []string{
		"OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
		"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
	} {
		if value := get(name); value != "" {
			if number, err := strconv.Atoi(value); err != nil || number <= 0 {
				wrong = append(wrong, fmt.Errorf("%s: %q: want a whole number above 0", name, value))
			}
		}
	}
	return errors.Join(wrong...)
}

func checkFiles(get func(string) string) error {
	var wrong []error
	for _, kind := range []string{"CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"} {
		for _, name := range []string{"OTEL_EXPORTER_OTLP_" + kind, "OTEL_EXPORTER_OTLP_TRACES_" + kind} {
			if path := get(name); path != "" {
				if _, err := os.ReadFile(path); err != nil {
					wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
				}
			}
		}
	}
	return errors.Join(wrong...)
}
