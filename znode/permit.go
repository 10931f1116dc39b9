package znode

import "strings"

// allowed is the check of an interned ACL; world:anyone is answered without looking at the list.
func (s *State) allowed(id aclID, perm Perm, ids []Identity, fl Flags) bool {
	e := s.acls.at(id)
	return e.world&perm != 0 || Permits(e.list, perm, ids, fl)
}

// Permits says whether an ACL gives ids one of the bits of perm. It is the one rule of permission, for requests and for all that is
// decided beside them: which watch events a client may see (ZooKeeper 3.9.2, CVE-2024-23944), who may change the ensemble, who may fetch a
// snapshot. It is ZooKeeperServer.checkACL: skipACL, an empty list and the super identity pass; then any entry that grants one of the bits
// to world:anyone or to one of ids.
func Permits(acl []ACL, perm Perm, ids []Identity, fl Flags) bool {
	if fl&FlagSkipACL != 0 || len(acl) == 0 {
		return true
	}
	for i := range ids {
		if ids[i].Scheme == "super" {
			return true
		}
	}
	for i := range acl {
		a := &acl[i]
		if a.Perms&perm == 0 {
			continue
		}
		if a.Scheme == "world" && a.ID == "anyone" {
			return true
		}
		if !schemeKnown(a.Scheme, fl) {
			continue
		}
		for j := range ids {
			if ids[j].Scheme == a.Scheme && identityMatches(a.Scheme, ids[j].ID, a.ID) {
				return true
			}
		}
	}
	return false
}

// schemeKnown says whether a provider of that scheme is configured (ProviderRegistry).
func schemeKnown(scheme string, fl Flags) bool {
	switch scheme {
	case "ip":
		return true
	case "digest":
		return fl&FlagNoDigest == 0
	case "x509":
		return fl&FlagX509 != 0
	case "sasl":
		return fl&FlagSASL != 0
	}
	return false
}

func identityMatches(scheme, id, expr string) bool {
	switch scheme {
	case "ip":
		return ipMatches(id, expr)
	case "sasl":
		return id == "super" || id == expr
	}
	return id == expr
}

// idValid is AuthenticationProvider.isValid of the scheme: what may stand in an ACL.
func idValid(scheme, id string) bool {
	switch scheme {
	case "ip":
		return ipExprValid(id)
	case "digest":
		// Java's split(":").length == 2: empty parts at the end do not count.
		id = strings.TrimRight(id, ":")
		return strings.Count(id, ":") == 1
	case "x509":
		return distinguishedNameValid(id)
	case "sasl":
		return principalValid(id)
	}
	return false
}

// principalValid is KerberosName's syntax: anything without "@", else service[/host]@realm.
func principalValid(id string) bool {
	name, realm, found := strings.Cut(id, "@")
	return !found || strings.Count(name, "/") <= 1 && !strings.ContainsAny(realm, "/@")
}

// distinguishedNameValid accepts RFC 2253 names: parts "attribute=value" separated by "," ";" or "+", with quotes and escapes.
func distinguishedNameValid(dn string) bool {
	if strings.TrimSpace(dn) == "" {
		return true
	}
	quoted, start := false, 0
	for i := 0; i < len(dn); i++ {
		switch c := dn[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == ';' || c == '+'):
			if !attributeValid(dn[start:i]) {
				return false
			}
			start = i + 1
		}
	}
	return !quoted && attributeValid(dn[start:])
}

func attributeValid(part string) bool {
	key, _, found := strings.Cut(part, "=")
	key = strings.ToUpper(strings.TrimSpace(key))
	if !found || key == "" {
		return false
	}
	switch key {
	case "CN", "C", "L", "S", "ST", "O", "OU", "T", "IP", "STREET", "DC", "DNQUALIFIER", "DNQ", "SURNAME", "GIVENNAME",
		"INITIALS", "GENERATION", "EMAIL", "EMAILADDRESS", "UID", "SERIALNUMBER":
		return true
	}
	key = strings.TrimPrefix(key, "OID.")
	return key[0] >= '0' && key[0] <= '2' && strings.Trim(key, "0123456789.") == "" && strings.Contains(key, ".")
}

// expandACL is PrepRequestProcessor.fixupACL: duplicates dropped, ids checked, "auth" replaced by the asker's authenticated ids.
// The result is valid until the next call with the same scratch.
func (tmp *scratch) expandACL(asked []ACL, ids []Identity, fl Flags) ([]ACL, Code) {
	if isOpen(asked) {
		return asked, OK
	}
	out := tmp.acl[:0]
	for i := range asked {
		a := asked[i]
		if containsACL(asked[:i], a) {
			continue
		}
		switch {
		case a.Scheme == "world" && a.ID == "anyone":
			out = append(out, a)
		case a.Scheme == "auth":
			before := len(out)
			out = appendAuthenticated(out, a.Perms, ids, fl)
			if len(out) == before {
				return nil, ErrInvalidACL
			}
		case schemeKnown(a.Scheme, fl) && idValid(a.Scheme, a.ID):
			out = append(out, a)
		default:
			return nil, ErrInvalidACL
		}
	}
	tmp.acl = out
	if len(out) == 0 {
		return nil, ErrInvalidACL
	}
	return out, OK
}

func containsACL(list []ACL, a ACL) bool {
	for i := range list {
		if list[i] == a {
			return true
		}
	}
	return false
}

// appendAuthenticated appends the ids that count as authenticated: all but ip.
func appendAuthenticated(out []ACL, perms Perm, ids []Identity, fl Flags) []ACL {
	for i := range ids {
		if ids[i].Scheme != "ip" && schemeKnown(ids[i].Scheme, fl) {
			out = append(out, ACL{Perms: perms, Scheme: ids[i].Scheme, ID: ids[i].ID})
		}
	}
	return out
}

// maskACL hides the digests of passwords: "user:hash" becomes "user:x".
func maskACL(list []ACL) []ACL {
	out := make([]ACL, len(list))
	copy(out, list)
	for i := range out {
		if out[i].Scheme != "digest" {
			continue
		}
		if user, _, found := strings.Cut(out[i].ID, ":"); found {
			out[i].ID = user + ":x"
		}
	}
	return out
}
