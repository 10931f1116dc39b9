package zoocfg

import (
	"fmt"
	"strings"
)

// Table tells what each key of ZooKeeper 3.9 does here, as a page for operators; docs/zoocfg.md is made of it.
func Table() string {
	var b strings.Builder
	b.WriteString(`# zoo.cfg, key by key

Every key of ZooKeeper 3.9, and what it does here. (` + "`go test ./compat/zoocfg -run TestTable -rewrite`" + ` makes this page; a test holds it to the code, and the code to
ZooKeeper's list.)

- **honoured**: as in ZooKeeper.
- **always so**: the server behaves in one way. If the value says another, a warning at the start says that it is not followed.
- **no effect**: it is named at the start.
- **refused**: the server does not start with ` + "`true`" + `, because it would look safer than it is.

Yes and no are read as ZooKeeper reads them for each key, which differs from key to key; where a word that is neither true nor false means false there and false
is less safe, the word is refused here. A number that ZooKeeper takes for "off", or raises to the least that makes sense, means the same here. Keys that ZooKeeper
takes as Java properties alone (` + "`jute.maxbuffer`, `znode.container.*`, `readonlymode.enabled`" + `) may stand in the file. Keys of members (` + "`server.N`, `group.N`, `weight.N`, `version`" + `)
are honoured; Paddock's own are in operate.md.

| key | here | |
|---|---|---|
`)
	keys := allKeys()
	for _, name := range sortedKeys(keys) {
		k := keys[name]
		note := k.why
		if words := k.words.String(); words != "" && k.effect == honoured {
			note = words
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, k.effect, strings.ReplaceAll(note, "|", `\|`))
	}
	for _, k := range []key{authProvider("authProvider.N"), superUser("superUser.N")} {
		if k.effect == "" {
			k.effect, k.why = honoured, k.allowed
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.name, k.effect, k.why)
	}
	return b.String()
}
