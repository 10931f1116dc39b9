package bench

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Workload names what the connections do.
type Workload string

// The workloads.
const (
	Create    Workload = "create"    // persistent nodes, each connection under a parent of its own
	Set       Workload = "set"       // setData on random nodes out of Keys
	Get       Workload = "get"       // getData on random nodes out of Keys
	Mix       Workload = "mix"       // ReadPercent gets, the rest sets
	Children  Workload = "children"  // getChildren of a node with Children children
	Multi     Workload = "multi"     // multi with Parts setData
	Ephemeral Workload = "ephemeral" // create an ephemeral node, delete it
	Watch     Workload = "watch"     // one writer; every connection has a watch on the node: how fast do all hear of a change
	Sessions  Workload = "sessions"  // open Connections sessions, hold them idle for Duration, close them
	Populate  Workload = "populate"  // create Count nodes and leave it at that: memory for each znode
)

// Workloads lists them in the order in which help texts show them.
func Workloads() []Workload {
	return []Workload{Create, Set, Get, Mix, Children, Multi, Ephemeral, Watch, Sessions, Populate}
}

// Config is one run. Zero fields mean their defaults, see [Config.WithDefaults].
type Config struct {
	Servers     []string // host:port; connections are spread over them in turn
	Workload    Workload
	Connections int           // 8
	InFlight    int           // requests on the way on each connection; 16
	Duration    time.Duration // of the measurement; 5 s, unless Count is given
	Count       int64         // requests in all instead of a duration
	Settle      time.Duration // populate: wait so long before the last look at the servers' memory, for collectors and compactions to finish
	Warmup      time.Duration // before a measurement that lasts Duration; 1 s, negative = none
	Shape       Shape
	Root        string   // where the run makes its subtree; "/paddock-bench"
	Keep        bool     // do not remove the subtree afterwards
	PIDs        []int    // the servers' processes on this machine, for their CPU and memory
	Auth        string   // "scheme:credentials" to authenticate every connection with, e.g. "digest:user:password"
	Seed        uint64   // of the random choices
	Progress    Progress // called a few times a second; nil = silence
}

// Shape is what the nodes and requests look like.
type Shape struct {
	Keys        int           // nodes that set, get, mix and multi work on; 1000
	Size        int           // bytes of data; 100, negative = none
	ReadPercent int           // mix; 90, negative = none
	Children    int           // children of the node that is listed; 100
	Parts       int           // operations in one multi; 10
	Timeout     time.Duration // of sessions; 30 s
}

// Progress hears how far a run is. Total 0 means that the phase's length is unknown.
type Progress func(phase string, done, total int64)

// ErrTooShort is a measurement in whose time nothing was answered; a longer one may do.
var ErrTooShort = errors.New("bench: too short a measurement")

// ErrConfig is a run that makes no sense.
var ErrConfig = errors.New("bench: bad configuration")

// WithDefaults fills in what was left at zero.
func (c Config) WithDefaults() Config {
	c.Connections = orDefault(c.Connections, 8)
	c.InFlight = orDefault(c.InFlight, 16)
	c.Duration = orDefault(c.Duration, 5*time.Second)
	c.Warmup = max(orDefault(c.Warmup, time.Second), 0)
	c.Root = orDefault(c.Root, "/paddock-bench")
	c.Shape.Keys = orDefault(c.Shape.Keys, 1000)
	c.Shape.Size = max(orDefault(c.Shape.Size, 100), 0)
	c.Shape.ReadPercent = max(orDefault(c.Shape.ReadPercent, 90), 0)
	c.Shape.Children = orDefault(c.Shape.Children, 100)
	c.Shape.Parts = orDefault(c.Shape.Parts, 10)
	c.Shape.Timeout = orDefault(c.Shape.Timeout, 30*time.Second)
	if c.Workload == Populate {
		c.Count = orDefault(c.Count, 100_000)
	}
	if c.Progress == nil {
		c.Progress = func(string, int64, int64) {}
	}
	return c
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// valid says what is wrong with a configuration that has its defaults.
func (c Config) valid() error {
	switch {
	case len(c.Servers) == 0:
		return fmt.Errorf("%w: no server to measure; give at least one host:port", ErrConfig)
	case !slices.Contains(Workloads(), c.Workload):
		return fmt.Errorf("%w: no workload is called %q; there are %v", ErrConfig, c.Workload, Workloads())
	case c.Connections < 1 || c.InFlight < 1 || c.Shape.Keys < 1 || c.Shape.Children < 1 || c.Shape.Parts < 1 || c.Count < 0 || c.Duration < 0:
		return fmt.Errorf("%w: connections, requests in flight, keys, children and parts are 1 or more, count and duration not negative", ErrConfig)
	case c.Shape.ReadPercent > 100:
		return fmt.Errorf("%w: %d percent reads", ErrConfig, c.Shape.ReadPercent)
	case !strings.HasPrefix(c.Root, "/") || strings.HasSuffix(c.Root, "/"):
		return fmt.Errorf("%w: the root %q is not the path of a node that can be created", ErrConfig, c.Root)
	case c.Auth != "" && !strings.Contains(c.Auth, ":"):
		return fmt.Errorf("%w: the authentication is not scheme:credentials", ErrConfig)
	}
	return nil
}
