package znode

import "strconv"

// String names a kind as logs and tools show it.
func (k Kind) String() string {
	names := [...]string{KindCreate: "create", KindDelete: "delete", KindSetData: "setData", KindSetACL: "setACL", KindCheck: "check", KindMulti: "multi",
		KindCreateSession: "createSession", KindCloseSession: "closeSession", KindDeleteContainer: "deleteContainer", KindReconfig: "reconfig", KindError: "error", KindPutSecret: "putSecret"}
	if int(k) < len(names) && names[k] != "" {
		return names[k]
	}
	return "kind " + strconv.Itoa(int(k))
}
