package crosscheck

import (
	"fmt"
	"io"
	"strings"
)

// Print writes a finding for people: the shortest script, step by step, and what both servers showed where they part.
func (f *Finding) Print(w io.Writer, left, right string) {
	fmt.Fprintf(w, "DIFFERENCE  %s\n", f.Signature)
	fmt.Fprintf(w, "  profile %s, seeds %v", f.Script.Profile, f.Seeds)
	if !f.Repeated {
		fmt.Fprint(w, "; it did NOT show again when the script was repeated")
	}
	fmt.Fprintln(w)
	i := 0
	for n, g := range groups(f.Script.Steps) {
		mark := "   "
		if n == f.Group {
			mark = "-->"
		}
		for _, s := range g {
			i++
			if !f.Repeated && (n < f.Group-8 || n > f.Group) {
				continue // not shrunk: nobody reads all of it
			}
			fmt.Fprintf(w, "%s %3d  %s\n", mark, i, short(s.String()))
		}
	}
	if f.Group >= len(groups(f.Script.Steps)) {
		what := "as the script left it"
		if f.Group > len(groups(f.Script.Steps)) {
			what = "when all sessions had ended"
		}
		fmt.Fprintf(w, "-->      the tree, %s\n", what)
	}
	for n := range max(len(f.Left), len(f.Right)) {
		a, b := at(f.Left, n), at(f.Right, n)
		if a == b {
			if f.Group < len(groups(f.Script.Steps)) {
				fmt.Fprintf(w, "    both: %s\n", short(a))
			}
			continue
		}
		fmt.Fprintf(w, "    %s: %s\n    %s: %s\n", left, short(a), right, short(b))
	}
	fmt.Fprintln(w)
}

func at(list []string, n int) string {
	if n < len(list) {
		return list[n]
	}
	return "nothing"
}

func short(s string) string {
	if len(s) > 900 {
		return s[:900] + "..."
	}
	return s
}

// Print writes all findings, and one line about the whole.
func (r *Report) Print(w io.Writer, left, right string) {
	width := max(len(left), len(right))
	for _, f := range r.Findings {
		f.Print(w, left+strings.Repeat(" ", width-len(left)), right+strings.Repeat(" ", width-len(right)))
	}
	fmt.Fprintf(w, "%d scripts with %d steps: %d kinds of difference\n", r.Scripts, r.Steps, len(r.Findings))
}
