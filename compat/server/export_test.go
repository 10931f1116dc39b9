package server

// Planted names every mistake that can be planted; only this package's tests see it.
var Planted = map[string]bugs{
	"reply before event":               bugReplyBeforeEvent,
	"read overtakes own write":         bugReadOvertakes,
	"re-attach without revalidation":   bugNoRevalidation,
	"expiry without proved leadership": bugExpireUnconfirmed,
	"missed events are not caught up":  bugOldWatches,
}

// Plant plants a mistake.
func Plant(o *Options, name string) {
	b, ok := Planted[name]
	if !ok {
		panic("no such bug: " + name)
	}
	o.bugs |= b
}
