package clients

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

var rewrite = flag.Bool("rewrite", false, "write what the real ZooKeeper answers into testdata/clients/zkcli.txt")

const zkCliStory = "../../../testdata/clients/zkcli.txt"

// TestZkCli types a story into ZooKeeperMain, the command line client, and wants the output that the real server gave, apart from what
// differs from run to run: zxids are shown by their rank, times and session ids not at all, sets in sorted order. Watch events, which
// another thread prints, are collected at the end of the story.
func TestZkCli(t *testing.T) {
	zktest.Require(t, "java", "zookeeper")
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		text, err := os.ReadFile(zkCliStory)
		if err != nil {
			t.Fatal(err)
		}
		server := zktest.Start(t, kind, serverConfig())
		cli := startCli(t, server)
		got := cli.tell(commandsOf(string(text)))
		if *rewrite && kind == zktest.ZooKeeper {
			if err := os.WriteFile(zkCliStory, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		compareStories(t, string(text), got)
	})
}

// commandsOf are the lines of the story that were typed.
func commandsOf(story string) []string {
	var commands []string
	for line := range strings.Lines(story) {
		if command, typed := strings.CutPrefix(line, "> "); typed {
			commands = append(commands, strings.TrimSpace(command))
		}
	}
	return commands
}

// compareStories makes a subtest of each command.
func compareStories(t *testing.T, want, got string) {
	t.Helper()
	wanted, given := strings.Split(want, "\n> "), strings.Split(got, "\n> ")
	if len(wanted) != len(given) {
		t.Errorf("%d answers, want %d", len(given), len(wanted))
	}
	for i := range min(len(wanted), len(given)) {
		command, _, _ := strings.Cut(wanted[i], "\n")
		t.Run(fmt.Sprintf("%02d %s", i, command), func(t *testing.T) {
			if given[i] != wanted[i] {
				t.Errorf("got:\n%s\nwant:\n%s", given[i], wanted[i])
			}
		})
	}
}

type cli struct {
	t      *testing.T
	server zktest.Server
	in     io.Writer
	lines  chan string
	events []string
}

// startCli runs the client without jline, so that it reads plain lines.
func startCli(t *testing.T, server zktest.Server) *cli {
	t.Helper()
	jars, err := zktest.FindZooKeeper()
	if err != nil {
		t.Fatal(err)
	}
	quiet := t.TempDir()
	if err := os.WriteFile(filepath.Join(quiet, "logback.xml"), []byte(`<configuration><root level="OFF"/></configuration>`), 0o644); err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(jars, "*.jar"))
	if err != nil {
		t.Fatal(err)
	}
	path := quiet
	for _, jar := range all {
		if !strings.HasPrefix(filepath.Base(jar), "jline") {
			path += ":" + jar
		}
	}
	cmd := java(path, "org.apache.zookeeper.ZooKeeperMain", "-server", server.Addr(), "-timeout", "9000")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(cmd) })
	c := &cli{t: t, server: server, in: in, lines: make(chan string, 1000)}
	go func() {
		defer close(c.lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			c.lines <- scanner.Text()
		}
	}()
	c.await("state:SyncConnected type:None")
	return c
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// tell types the commands, one at a time, and returns the story with the answers.
func (c *cli) tell(commands []string) string {
	c.t.Helper()
	var story strings.Builder
	for i, command := range commands {
		fmt.Fprintf(&story, "> %s\n", command)
		if command == "restart" { // not zkCli's
			c.restart()
			continue
		}
		mark := fmt.Sprintf("/no-such-node-%d", i)
		if _, err := fmt.Fprintf(c.in, "%s\nls %s\n", command, mark); err != nil {
			c.t.Fatalf("after %q: %v", command, err)
		}
		for _, line := range ordered(command, c.await("Node does not exist: "+mark)) {
			story.WriteString(line + "\n")
		}
	}
	story.WriteString("events\n")
	for _, event := range c.events {
		story.WriteString(event + "\n")
	}
	return normal(story.String())
}

// ordered sorts the answers that are sets.
func ordered(command string, lines []string) []string {
	switch {
	case command == "whoami" && len(lines) > 1:
		slices.Sort(lines[1:])
	case strings.HasPrefix(command, "getEphemerals") && len(lines) == 1:
		paths := strings.Split(strings.Trim(lines[0], "[]"), ", ")
		slices.Sort(paths)
		lines[0] = "[" + strings.Join(paths, ", ") + "]"
	}
	return lines
}

func (c *cli) restart() {
	c.t.Helper()
	if err := c.server.Stop(); err != nil {
		c.t.Fatal(err)
	}
	c.await("state:Disconnected type:None")
	if err := c.server.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.await("state:SyncConnected type:None")
}

// await returns the lines before the one with the mark. Watch events are taken out, and so is what tells of them.
func (c *cli) await(mark string) []string {
	c.t.Helper()
	late := time.After(zktest.Patience)
	var lines []string
	for {
		select {
		case <-late:
			c.t.Fatalf("zkCli does not say %q; it said:\n%s", mark, strings.Join(lines, "\n"))
		case line, more := <-c.lines:
			switch {
			case !more:
				c.t.Fatalf("zkCli ended; it said:\n%s", strings.Join(lines, "\n"))
			case strings.Contains(line, mark):
				return lines
			case strings.HasPrefix(line, "WatchedEvent"):
				if !strings.Contains(line, "type:None") {
					c.events = append(c.events, line)
				}
			case strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "WATCHER::"):
				lines = append(lines, strings.TrimRight(line, " "))
			}
		}
	}
}

var (
	zxidShown  = regexp.MustCompile(`(Zxid = )(0x[0-9a-f]+)|(zxid: )(\d+)`)
	timeShown  = regexp.MustCompile(`(time = ).*`)
	ownerShown = regexp.MustCompile(`(ephemeralOwner = )0x[1-9a-f][0-9a-f]*`)
)

// normal replaces what no two runs share. Of zxids the order remains.
func normal(story string) string {
	value := func(match string) int64 {
		word := match[strings.LastIndexByte(match, ' ')+1:]
		zxid, err := strconv.ParseInt(word, 0, 64)
		if err != nil {
			return -1
		}
		return zxid
	}
	var seen []int64
	for _, match := range zxidShown.FindAllString(story, -1) {
		seen = append(seen, value(match))
	}
	slices.Sort(seen)
	seen = slices.Compact(seen)
	story = zxidShown.ReplaceAllStringFunc(story, func(match string) string {
		rank, _ := slices.BinarySearch(seen, value(match))
		if seen[0] != 0 {
			rank++
		}
		return match[:strings.LastIndexByte(match, ' ')+1] + "#" + strconv.Itoa(rank)
	})
	story = timeShown.ReplaceAllString(story, "${1}TIME")
	return ownerShown.ReplaceAllString(story, "${1}SESSION")
}
