package service

import "github.com/prometheus/client_golang/prometheus"

var (
	openWorkUpDesc     = prometheus.NewDesc("signalbox_open_work_up", "1 while open work can be read from Temporal; 0 while it can't; then the other values are from the last successful read.", nil, nil)
	openWorkReadAtDesc = prometheus.NewDesc("signalbox_open_work_timestamp_seconds", "When the values of open work were read, in Unix time.", nil, nil)
	runningDesc        = prometheus.NewDesc("signalbox_workflows_running", "Running workflows.", []string{"workflow_type"}, nil)
	attentionDesc      = prometheus.NewDesc("signalbox_attention_workflows", "Workflows that a person should look at, by reason.", []string{"workflow_type", "reason"}, nil)
	waitingDesc        = prometheus.NewDesc("signalbox_waiting", "Open questions, open approvals, notices that are being delivered, and notices that were given up.", []string{"kind"}, nil)
	waitingOldestDesc  = prometheus.NewDesc("signalbox_waiting_oldest_seconds", "Age of the oldest waiting item; 0 if none waits.", []string{"kind"}, nil)
	unreadDesc         = prometheus.NewDesc("signalbox_waiting_unread_workflows", "Workflows whose state was not read yet, so that their waiting items are not counted.", nil, nil)
)

// Describe implements prometheus.Collector.
func (o *openWork) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{openWorkUpDesc, openWorkReadAtDesc, runningDesc, attentionDesc, waitingDesc, waitingOldestDesc, unreadDesc} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (o *openWork) Collect(out chan<- prometheus.Metric) {
	o.mu.Lock()
	defer o.mu.Unlock()
	show := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	up := 0.0
	if o.found.ok {
		up = 1
	}
	show(openWorkUpDesc, up)
	if o.found.at.IsZero() {
		return
	}
	show(openWorkReadAtDesc, float64(o.found.at.UnixMilli())/1000)
	for workflowType, n := range o.found.running {
		show(runningDesc, float64(n), workflowType)
	}
	for key, n := range o.found.attention {
		show(attentionDesc, float64(n), key.workflowType, key.reason)
	}
	for _, kind := range []string{waitsQuestion, waitsApproval, waitsNotice, waitsNoticeGivenUp} {
		w, age := o.found.waiting[kind], 0.0
		if w.count > 0 {
			age = max(0, o.now().Sub(w.oldest).Seconds())
		}
		show(waitingDesc, float64(w.count), kind)
		show(waitingOldestDesc, age, kind)
	}
	show(unreadDesc, float64(o.found.unread))
}
