package admin

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// javaDouble writes a number as Java's Double.toString does: at least one digit behind the point, and powers of ten below 0.001 and
// from ten million on.
func javaDouble(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	case v == 0:
		return "0.0"
	}
	if a := math.Abs(v); a >= 1e-3 && a < 1e7 {
		s := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mantissa, exp, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, _ := strconv.Atoi(exp)
	return mantissa + "E" + strconv.Itoa(n)
}

// round4 keeps four digits behind the point, as ZooKeeper's averages do.
func round4(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// javaDate writes a time as Java's Date.toString does.
func javaDate(t time.Time) string { return t.Format("Mon Jan 02 15:04:05 MST 2006") }

// hex writes a number as Java's Long.toHexString does.
func hex(v int64) string { return strconv.FormatUint(uint64(v), 16) }

func decimal(v int64) string { return strconv.FormatInt(v, 10) }

// text writes last/min/max.
func (s Sizes) text() string { return decimal(s.Last) + "/" + decimal(s.Min) + "/" + decimal(s.Max) }
