package temporaldev

import (
	"net/netip"

	"go.uber.org/zap"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

const clusterName = "active"

// VisibilityRPS is the key of the dynamic configuration that limits calls of lists and counts, to 10 a second by default; a page of a list
// makes up to five. ManyLists is a value for several people.
const (
	VisibilityRPS = "frontend.namespaceRPS.visibility"
	ManyLists     = 100
)

// oneShard lets the only shard read its queues as often as a cluster's hundreds of shards do together. By default a shard reads each queue 20
// times a second, so that a single shard is idle most of the time: a case could be read five times a second at most.
var oneShard = map[string]any{
	"history.timerProcessorMaxPollRPS":      200,
	"history.transferProcessorMaxPollRPS":   200,
	"history.visibilityProcessorMaxPollRPS": 200,
}

func newServer(databases stores, addrs addresses, opts Options) (temporal.Server, error) {
	cfg := serverConfig(databases, opts.Shards, addrs)
	dynamic := dynamicconfig.StaticClient{}
	if opts.Shards == 1 {
		for key, value := range oneShard {
			dynamic[dynamicconfig.MakeKey(key)] = value
		}
	}
	for key, value := range opts.DynamicConfig {
		dynamic[dynamicconfig.MakeKey(key)] = value
	}
	return temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		// Static hosts need no gossip between the services, which would take seconds to start and to stop.
		temporal.WithStaticHosts(map[primitives.ServiceName]static.Hosts{
			primitives.FrontendService: static.SingleLocalHost(addrs.frontend.String()),
			primitives.HistoryService:  static.SingleLocalHost(addrs.history.String()),
			primitives.MatchingService: static.SingleLocalHost(addrs.matching.String()),
			primitives.WorkerService:   static.SingleLocalHost(addrs.worker.String()),
		}),
		temporal.WithLogger(log.NewZapLogger(opts.Logger.WithOptions(zap.IncreaseLevel(zap.ErrorLevel)))),
		temporal.WithCustomMetricsHandler(metrics.NoopMetricsHandler),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
		temporal.WithDynamicConfigClient(dynamic),
	)
}

func serverConfig(databases stores, shards int32, addrs addresses) *config.Config {
	return &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     mainDatabase,
			VisibilityStore:  visibilityDatabase,
			NumHistoryShards: shards,
			DataStores: map[string]config.DataStore{
				mainDatabase:       {SQL: databases.main},
				visibilityDatabase: {SQL: databases.visibility},
			},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: addrs.frontend.String()},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): service(addrs.frontend),
			string(primitives.HistoryService):  service(addrs.history),
			string(primitives.MatchingService): service(addrs.matching),
			string(primitives.WorkerService):   service(addrs.worker),
		},
		PublicClient: config.PublicClient{HostPort: addrs.frontend.String()},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
	}
}

func service(addr netip.AddrPort) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: int(addr.Port()), BindOnIP: addr.Addr().String()}}
}
