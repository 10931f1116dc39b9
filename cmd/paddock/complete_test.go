package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestComplete: Tab offers verbs, flags, contexts and the words that a flag knows, and leaves file names to the shell.
func TestComplete(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	if err := os.MkdirAll(filepath.Join(dir, "paddock"), 0o700); err != nil {
		t.Fatal(err)
	}
	contexts := "current: prod\ncontexts:\n  prod:\n    server: [127.0.0.1:1]\n  proof:\n    server: [127.0.0.1:2]\n"
	if err := os.WriteFile(filepath.Join(dir, "paddock", "contexts.yaml"), []byte(contexts), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"getA":                          "getAcl",
		"transf":                        "transfer-leader",
		"comple":                        "completion", // and not the hidden one
		"sessions ":                     "help kill list show",
		"subtree e":                     "export",
		"help sess":                     "sessions",
		"help sessions k":               "kill",
		"sessions help k":               "kill",
		"--context ":                    "prod proof",
		"--context pro":                 "prod proof",
		"status --context proo":         "proof",
		"context use ":                  "prod proof",
		"context rm pro":                "prod proof",
		"context add ":                  "",
		"-o ":                           "json simple table yaml",
		"get -o j":                      "json",
		"check --format na":             "nagios",
		"completion ":                   "bash fish zsh",
		"get --st":                      "--stat",
		"get --stat --st":               "",
		"get /a --wa":                   "--watch",
		"--context prod get --ra":       "--raw",
		"--server a:1 --timeout 1s wai": "wait",
		"--yes watc":                    "watch",
		"subtree import /a --over":      "--overwrite",
		"lock /a --slo":                 "--slots",
		"lock /a -- --slo":              "",
		"lock /a -- ta":                 "",
		"inspect log --data-dir /v":     "",
		"get word wo":                   "",
		"watch --count 3 --rec":         "--recursive",
		"lock --auth a:b --auth":        "--auth",
		"nonsense --co":                 "--context",
	} {
		if got := completed(t, line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if all := completed(t, "get -"); !strings.Contains(all, "--watch") || !strings.Contains(all, "-w ") {
		t.Errorf("get -: %q", all)
	}
	if verbs := completed(t, ""); !strings.Contains(verbs, "bench") || strings.Contains(verbs, "complete ") || strings.Contains(verbs, "getacl") {
		t.Errorf("the verbs are %q", verbs)
	}
}

// completed is what Tab offers behind a line, on one line.
func completed(t *testing.T, line string) string {
	t.Helper()
	var out bytes.Buffer
	app := newApp()
	app.Writer = &out
	if err := app.RunContext(t.Context(), append([]string{"paddock", "complete", "--"}, strings.Split(line, " ")...)); err != nil {
		t.Errorf("%q: %v", line, err)
	}
	return strings.Join(strings.Fields(out.String()), " ")
}
