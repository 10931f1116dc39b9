package auth

import (
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// attribute is one type and value of a distinguished name, with its bytes kept.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// SubjectName writes the DER of a distinguished name as Java's X500Principal.getName() does (RFC 2253), because ACLs of the x509 scheme
// compare that text: last attribute first, nine types by keyword, others as numbers with the value in hex.
func SubjectName(der []byte) (string, error) {
	var seq []asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &seq); err != nil || len(rest) > 0 {
		return "", errors.New("auth: the subject is not a distinguished name")
	}
	parts := make([]string, 0, len(seq))
	for i := len(seq) - 1; i >= 0; i-- {
		var set []attribute
		if _, err := asn1.UnmarshalWithParams(seq[i].FullBytes, &set, "set"); err != nil {
			return "", fmt.Errorf("auth: part %d of the subject: %w", i+1, err)
		}
		var values []string
		for _, a := range set {
			values = append(values, a.text())
		}
		parts = append(parts, strings.Join(values, "+"))
	}
	return strings.Join(parts, ","), nil
}

func (a attribute) text() string {
	name, value := keyword(a.Type), ""
	ok := name != ""
	if ok {
		value, ok = a.string()
	}
	if name == "" {
		name = a.Type.String()
	}
	if !ok {
		return name + "=#" + hex.EncodeToString(a.Value.FullBytes)
	}
	return name + "=" + escape(value)
}

// keyword knows the nine attribute types that RFC 2253 names.
func keyword(oid asn1.ObjectIdentifier) string {
	switch oid.String() {
	case "2.5.4.3":
		return "CN"
	case "2.5.4.6":
		return "C"
	case "2.5.4.7":
		return "L"
	case "2.5.4.8":
		return "ST"
	case "2.5.4.9":
		return "STREET"
	case "2.5.4.10":
		return "O"
	case "2.5.4.11":
		return "OU"
	case "0.9.2342.19200300.100.1.25":
		return "DC"
	case "0.9.2342.19200300.100.1.1":
		return "UID"
	}
	return ""
}

// string reads the text of a string type; ok is false for anything else. Java takes the bytes of every string type for UTF-8, also
// those of BMPString and T61String, and what is not UTF-8 becomes U+FFFD; ACLs were written with that text, so it is kept.
func (a attribute) string() (s string, ok bool) {
	switch a.Value.Tag {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagGeneralString, asn1.TagT61String, asn1.TagBMPString:
		return string([]rune(string(a.Value.Bytes))), a.Value.Class == asn1.ClassUniversal
	}
	return "", false
}

// escape puts a backslash before the characters that RFC 2253 sets apart, wherever they stand, and before blanks at both ends.
func escape(s string) string {
	lead := len(s) - len(strings.TrimLeft(s, " "))
	trail := len(strings.TrimRight(s, " "))
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == 0:
			b.WriteString(`\00`)
			continue
		case strings.ContainsRune(`,=+<>#;"\`, r), r == ' ' && (i < lead || i >= trail):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
