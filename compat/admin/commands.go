package admin

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// command is one of /commands.
type command struct {
	names    []string // the first is the primary one
	anytime  bool     // also when the server does not serve
	parts    Parts
	changes  bool // does something, rather than only tell
	run      func(h *handler, r *Report, args url.Values) object
	isBackup bool // snapshot and restore, which are handled apart
}

func commandList() []command {
	return append([]command{
		{names: []string{"connection_stat_reset", "crst"}, changes: true, run: func(h *handler, _ *Report, _ url.Values) object {
			h.src.ResetConnStats()
			return nil
		}},
		{names: []string{"configuration", "conf", "config"}, run: func(_ *handler, r *Report, _ url.Values) object { return configuration(r) }},
		{names: []string{"connections", "cons"}, parts: PartConnections, run: func(_ *handler, r *Report, _ url.Values) object {
			return connections(r, false)
		}},
		{names: []string{"hash"}, parts: PartDigests, run: func(_ *handler, r *Report, _ url.Values) object { return digests(r) }},
		{names: []string{"dirs"}, parts: PartDirs, run: func(_ *handler, r *Report, _ url.Values) object {
			return object{{"datadir_size", r.Dirs.Data}, {"logdir_size", r.Dirs.Log}}
		}},
		{names: []string{"dump"}, parts: PartSessions | PartEphemerals, run: func(_ *handler, r *Report, _ url.Values) object { return dump(r) }},
		{names: []string{"environment", "env", "envi"}, anytime: true, run: func(_ *handler, r *Report, _ url.Values) object {
			return asObject(environment(r.Build))
		}},
		{names: []string{"get_trace_mask", "gtmk"}, anytime: true, run: func(_ *handler, r *Report, _ url.Values) object {
			return object{{"tracemask", r.TraceMask}}
		}},
		{names: []string{"set_trace_mask", "stmk"}, anytime: true, changes: true, run: func(h *handler, _ *Report, args url.Values) object {
			return setTraceMask(h, args)
		}},
		{names: []string{"initial_configuration", "icfg"}, run: func(_ *handler, r *Report, _ url.Values) object {
			return object{{"initial_configuration", r.Config.Initial}}
		}},
		{names: []string{"is_read_only", "isro"}, run: func(_ *handler, r *Report, _ url.Values) object {
			return object{{"read_only", r.Data.ReadOnly}}
		}},
		{names: []string{"last_snapshot", "lsnp"}, run: func(_ *handler, r *Report, _ url.Values) object { return lastSnapshot(r) }},
		{names: []string{"ruok"}, run: func(*handler, *Report, url.Values) object { return nil }},
		{names: []string{"snapshot", "snap"}, isBackup: true, changes: true},
		{names: []string{"restore", "rest"}, isBackup: true, changes: true},
	}, moreCommands()...)
}

func moreCommands() []command {
	return []command{
		{names: []string{"leader", "lead"}, run: func(_ *handler, r *Report, _ url.Values) object { return leader(r) }},
		{names: []string{"monitor", "mntr"}, run: func(h *handler, r *Report, _ url.Values) object {
			return asObject(monitorValues(r, h.src.Metrics()))
		}},
		{names: []string{"observer_connection_stat_reset", "orst"}, changes: true, run: func(h *handler, _ *Report, _ url.Values) object {
			h.src.ResetObserverStats()
			return nil
		}},
		{names: []string{"observers", "obsr"}, run: func(_ *handler, r *Report, _ url.Values) object { return observers(r) }},
		{names: []string{"server_stats", "srvr"}, parts: PartDirs, run: func(_ *handler, r *Report, _ url.Values) object { return serverStats(r) }},
		{names: []string{"stats", "stat"}, parts: PartDirs | PartConnections, run: func(_ *handler, r *Report, _ url.Values) object {
			return append(serverStats(r), connections(r, true)...)
		}},
		{names: []string{"stat_reset", "srst"}, changes: true, run: func(h *handler, _ *Report, _ url.Values) object {
			h.src.ResetServerStats()
			h.src.Metrics().Reset()
			return nil
		}},
		{names: []string{"system_properties", "sysp"}, anytime: true, run: func(_ *handler, r *Report, _ url.Values) object { return properties(r) }},
		{names: []string{"voting_view"}, run: func(_ *handler, r *Report, _ url.Values) object { return votingView(r) }},
		{names: []string{"watches", "wchc"}, parts: PartWatches, run: func(_ *handler, r *Report, _ url.Values) object { return watches(r) }},
		{names: []string{"watches_by_path", "wchp"}, parts: PartWatches, run: func(_ *handler, r *Report, _ url.Values) object { return watchesByPath(r) }},
		{names: []string{"watch_summary", "wchs"}, run: func(_ *handler, r *Report, _ url.Values) object {
			s := &r.Watches.Summary
			return object{{"num_connections", s.Clients}, {"num_paths", s.Paths}, {"num_total_watches", s.Watches}}
		}},
		{names: []string{"zabstate"}, anytime: true, run: func(_ *handler, r *Report, _ url.Values) object { return zabState(r) }},
	}
}

func asObject(values []value) object {
	var o object
	for _, v := range values {
		o.put(v.name, v.v)
	}
	return o
}

func configuration(r *Report) object {
	c := &r.Config
	return object{{"client_port", c.ClientPort}, {"data_dir", c.DataDir}, {"data_log_dir", c.DataLogDir}, {"tick_time", c.TickTime},
		{"max_client_cnxns", c.MaxClientCnxns}, {"min_session_timeout", c.MinTimeout}, {"max_session_timeout", c.MaxTimeout},
		{"server_id", c.ServerID}, {"client_port_listen_backlog", c.Backlog}}
}

func connections(r *Report, brief bool) object {
	plain, secure := []object{}, []object{}
	for _, c := range sortedConnections(r) {
		o := object{{"remote_socket_address", c.Remote}, {"interest_ops", interest(&c)}, {"outstanding_requests", c.Queued},
			{"packets_received", c.Received}, {"packets_sent", c.Sent}}
		if !brief {
			o = append(o, object{{"session_id", c.Session}, {"last_operation", c.Last.op()}, {"established", millis(c.Established)},
				{"session_timeout", c.Timeout}, {"last_cxid", c.Last.Cxid}, {"last_zxid", c.Last.Zxid}, {"last_response_time", c.Last.response()},
				{"last_latency", c.Last.Latency}, {"min_latency", c.Latency.Min}, {"avg_latency", c.Latency.Avg}, {"max_latency", c.Latency.Max}}...)
		}
		if c.Secure {
			secure = append(secure, o)
		} else {
			plain = append(plain, o)
		}
	}
	return object{{"connections", plain}, {"secure_connections", secure}}
}

func digests(r *Report) object {
	list := []object{}
	for _, d := range r.Data.Digests {
		list = append(list, object{{"zxid", d.Zxid}, {"digest_version", d.Version}, {"digest", int64(d.Digest)}})
	}
	return object{{"digests", list}}
}

func dump(r *Report) object {
	times := map[int64][]int64{}
	for _, s := range r.Sessions {
		if s.Expires.IsZero() {
			continue // only the leader knows
		}
		at := millis(s.Expires)
		times[at] = append(times[at], s.ID)
	}
	keys := make([]int64, 0, len(times))
	for at := range times {
		slices.Sort(times[at])
		keys = append(keys, at)
	}
	slices.Sort(keys)
	expiries, owners := object{}, object{}
	for _, at := range keys {
		expiries.put(decimal(at), times[at])
	}
	slices.SortFunc(r.Ephemerals, func(a, b Ephemerals) int { return int(min(max(a.Session-b.Session, -1), 1)) })
	for _, e := range r.Ephemerals {
		slices.Sort(e.Paths)
		owners.put(decimal(e.Session), e.Paths)
	}
	return object{{"expiry_time_to_session_ids", expiries}, {"session_id_to_ephemeral_paths", owners}}
}

func setTraceMask(h *handler, args url.Values) object {
	if !args.Has("traceMask") {
		return object{{"error", "setTraceMask requires long traceMask argument"}}
	}
	mask, err := strconv.ParseInt(args.Get("traceMask"), 10, 64)
	if err != nil {
		return object{{"error", "setTraceMask requires long traceMask argument, got " + args.Get("traceMask")}}
	}
	h.src.SetTraceMask(mask)
	return object{{"tracemask", mask}}
}

func lastSnapshot(r *Report) object {
	s := &r.Data.LastSnapshot
	at := int64(-1)
	if s.Zxid >= 0 {
		at = s.Time.Unix()
	}
	return object{{"zxid", hex(s.Zxid)}, {"timestamp", at}}
}

func leader(r *Report) object {
	if !r.Ensemble.Quorum {
		return object{{"error", "server is not initialized"}}
	}
	return object{{"is_leader", r.Role == RoleLeader}, {"leader_id", r.Ensemble.LeaderID}, {"leader_ip", r.Ensemble.LeaderAddr}}
}

func observers(r *Report) object {
	list := []object{}
	for _, o := range r.Ensemble.Observers {
		list = append(list, object{{"remote_socket_address", "/" + o.Addr}, {"sid", o.ID}, {"established", millis(o.Since)},
			{"queued_packets", o.Queued}, {"queued_packets_size", o.QueuedBytes}, {"packets_received", o.Received}, {"packets_sent", o.Sent},
			{"requests", o.Requests}, {"last_zxid", o.LastZxid}})
	}
	return object{{"synced_observers", len(list)}, {"observers", list}}
}

func serverStats(r *Report) object {
	t := &r.Traffic
	o := object{{"version", r.Build.Full()}, {"read_only", r.Data.ReadOnly}, {"server_stats", object{
		{"packets_sent", t.Sent}, {"packets_received", t.Received}, {"fsync_threshold_exceed_count", t.SlowSyncs},
		{"client_response_stats", sizes(t.Responses)}, {"data_dir_size", r.Dirs.Data}, {"log_dir_size", r.Dirs.Log}, {"provider_null", false},
		{"last_processed_zxid", r.Data.Zxid}, {"outstanding_requests", t.Outstanding}, {"server_state", string(r.Role)},
		{"avg_latency", round4(t.AvgLatency)}, {"max_latency", t.MaxLatency}, {"min_latency", t.MinLatency},
		{"num_alive_client_connections", t.Connections}, {"uptime", t.Uptime.Milliseconds()}, {"auth_failed_count", t.AuthFailed},
		{"non_mtlsremote_conn_count", t.Plain.Remote}, {"non_mtlslocal_conn_count", t.Plain.Local}}},
		{"client_response", sizes(t.Responses)}}
	if r.Leading != nil {
		o.put("proposal_stats", sizes(r.Leading.Proposals))
	}
	o.put("node_count", r.Data.Nodes)
	return o
}

func sizes(s Sizes) object {
	return object{{"last_buffer_size", s.Last}, {"min_buffer_size", s.Min}, {"max_buffer_size", s.Max}}
}

func properties(r *Report) object {
	var o object
	keys := make([]string, 0, len(r.Config.Properties))
	for k := range r.Config.Properties {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		o.put(k, r.Config.Properties[k])
	}
	return o
}

func votingView(r *Report) object {
	view := object{}
	for _, m := range r.Ensemble.voters() {
		view.put(decimal(m.ID), object{{"server_addresses", orEmpty(m.Quorum)}, {"election_addresses", orEmpty(m.Election)},
			{"client_address", m.Client}, {"learner_type", "participant"}})
	}
	return object{{"current_config", view}}
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func watches(r *Report) object {
	o := object{}
	sessions, paths := bySession(r)
	for _, s := range sessions {
		o.put(decimal(s), paths[s])
	}
	return object{{"session_id_to_watched_paths", o}}
}

func watchesByPath(r *Report) object {
	o := object{}
	for _, w := range sortedWatches(r) {
		o.put(w.Path, w.Sessions)
	}
	return object{{"path_to_session_ids", o}}
}

func zabState(r *Report) object {
	e := &r.Ensemble
	if !e.Quorum || !r.Serving && e.Phase == "" {
		return object{{"voting", false}, {"zabstate", ""}}
	}
	self := e.self()
	return object{{"myid", r.Config.ServerID}, {"is_leader", r.Role == RoleLeader}, {"quorum_address", addresses(self.Quorum)},
		{"election_address", addresses(self.Election)}, {"client_address", self.Client}, {"voting", e.Voting},
		{"last_zxid", "0x" + hex(r.Data.Zxid)}, {"zab_epoch", r.Data.Zxid >> 32}, {"zab_counter", r.Data.Zxid & 0xffffffff},
		{"zabstate", string(e.Phase)}}
}

// addresses is ZooKeeper's MultipleAddresses as JSON.
func addresses(list []string) object {
	wild, hosts, numbers := []string{}, []string{}, []int64{}
	for _, a := range list {
		host, port, err := net.SplitHostPort(a)
		if err != nil {
			host, port = a, "0"
		}
		n, _ := strconv.ParseInt(port, 10, 64)
		wild, hosts, numbers = append(wild, "0.0.0.0:"+port), append(hosts, host), append(numbers, n)
	}
	one := strings.Join(list[:min(1, len(list))], "")
	return object{{"empty", len(list) == 0}, {"all_addresses", orEmpty(list)}, {"wildcard_addresses", wild}, {"all_ports", numbers},
		{"all_host_strings", hosts}, {"reachable_address", one}, {"all_reachable_addresses", orEmpty(list)},
		{"all_reachable_addresses_or_all", orEmpty(list)}, {"reachable_or_one", one}, {"one", one}}
}
