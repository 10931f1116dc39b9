package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// verbs are those that only a shell has.
func (s *shell) verbs() map[string]func(context.Context, []string) error {
	return map[string]func(context.Context, []string) error{
		"quit":          func(context.Context, []string) error { return errQuit },
		"exit":          func(context.Context, []string) error { return errQuit },
		"help":          s.help,
		"history":       s.showHistory,
		"redo":          s.redo,
		"connect":       s.connect,
		"close":         func(context.Context, []string) error { s.close(); return nil },
		"addauth":       s.addauth,
		"printwatches":  s.printWatches,
		"addWatch":      s.addWatch,
		"removewatches": s.removeWatches,
		"removeWatches": s.removeWatches,
		"version":       s.version,
	}
}

func (s *shell) help(_ context.Context, words []string) error {
	if len(words) > 0 {
		for _, c := range dataCommands() {
			if c.HasName(words[0]) {
				fmt.Fprintf(s.c.App.Writer, "%s %s\n%s\n\n%s\n", c.Name, c.ArgsUsage, c.Usage, strings.ReplaceAll(c.Description, "paddock ", ""))
				return nil
			}
		}
		return toolUsage("help: %q is no verb here", words[0])
	}
	var rows [][]string
	for _, c := range dataCommands() {
		if c.Hidden {
			continue
		}
		rows = append(rows, []string{c.Name, c.ArgsUsage, c.Usage})
	}
	rows = append(rows, [][]string{{"addauth", "SCHEME CREDENTIALS", "authenticate this session"}, {"connect", "HOST:PORT,...", "a new session with other servers"},
		{"close", "", "end the session"}, {"history", "", "the lines so far"}, {"redo", "NUMBER", "one of them again"},
		{"addWatch", "[-m MODE] PATH", "print the events of a subtree from now on (PERSISTENT: of one node)"},
		{"removewatches", "PATH [-c|-d|-a] [-l]", "remove the watches of a node"},
		{"printwatches", "on|off", "print the events of -w and addWatch"}, {"version", "", "of the tool and the server"}, {"quit", "", "end"}}...)
	_, err := fmt.Fprint(s.c.App.Writer, toolTable([]string{"VERB", "ARGUMENTS", ""}, rows, false))
	return err
}

func (s *shell) showHistory(context.Context, []string) error {
	for i, l := range s.history {
		fmt.Fprintf(s.c.App.Writer, "%d - %s\n", i, l)
	}
	return nil
}

func (s *shell) redo(ctx context.Context, words []string) error {
	if len(words) != 1 {
		return toolUsage("redo: give the number of a line of history")
	}
	n, err := strconv.Atoi(words[0])
	if err != nil || n < 0 || n >= len(s.history) || strings.HasPrefix(strings.TrimSpace(s.history[n]), "redo") {
		return toolUsage("redo %s: there is no such line, or it is a redo itself; see history", words[0])
	}
	return s.run(ctx, s.history[n])
}

// connect opens a new session; the old one goes on if that fails.
func (s *shell) connect(ctx context.Context, words []string) error {
	target := s.target
	switch len(words) {
	case 0:
	case 1:
		target.servers = toolList(words[0])
		for i, a := range target.servers {
			if !strings.Contains(a, ":") {
				target.servers[i] = a + ":2181"
			}
		}
	default:
		return toolUsage("connect: give one list, HOST:PORT,HOST:PORT,...")
	}
	fresh, err := toolOpen(ctx, target)
	if err != nil {
		return err
	}
	s.close()
	s.target, s.session = target, fresh
	return nil
}

func (s *shell) addauth(ctx context.Context, words []string) error {
	if len(words) < 1 || len(words) > 2 {
		return toolUsage("addauth: give SCHEME CREDENTIALS, e.g. addauth digest user:password")
	}
	auth := words[0] + ":"
	if len(words) == 2 {
		auth += words[1]
	}
	session, err := s.open()
	if err != nil {
		return err
	}
	if err := session.authenticate(ctx, auth); err != nil {
		return err
	}
	s.target.auths = append(s.target.auths, auth)
	return nil
}

func (s *shell) printWatches(_ context.Context, words []string) error {
	switch strings.Join(words, " ") {
	case "on":
		s.quiet.Store(false)
	case "off":
		s.quiet.Store(true)
	case "":
		state := "on"
		if s.quiet.Load() {
			state = "off"
		}
		fmt.Fprintln(s.c.App.Writer, "printwatches is "+state)
	default:
		return toolUsage("printwatches: on or off")
	}
	return nil
}

func (s *shell) version(context.Context, []string) error {
	fmt.Fprintln(s.c.App.Writer, "paddock "+s.c.App.Version)
	if s.session == nil {
		return nil
	}
	text, err := clusterWord(s.ctx, &s.target, s.session.Server(), "srvr")
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(text, "\n")
	fmt.Fprintln(s.c.App.Writer, line)
	return nil
}

// completionCommand prints what a login shell loads to complete paddock's command lines.
func completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Category: "Settings", Usage: "print the completion script of bash, zsh or fish", ArgsUsage: "bash|zsh|fish",
		Description: `   source <(paddock completion bash)          # in ~/.bashrc
   source <(paddock completion zsh)           # in ~/.zshrc
   paddock completion fish > ~/.config/fish/completions/paddock.fish`,
		Flags: toolFlags(),
		Action: func(c *cli.Context) error {
			words, err := toolArgs(c, 1, 1)
			if err != nil {
				return err
			}
			switch words[0] {
			case "bash":
				fmt.Fprint(c.App.Writer, completionBash)
			case "zsh":
				fmt.Fprint(c.App.Writer, completionZsh)
			case "fish":
				fmt.Fprint(c.App.Writer, completionFish)
			default:
				return toolUsage("completion: %q: bash, zsh or fish", words[0])
			}
			return nil
		},
	}
}

// completePath answers completion requests for znode paths: the words of a line, the last of which is being written.
func completePathCommand() *cli.Command {
	return &cli.Command{
		Name: "complete-path", Hidden: true, Flags: toolFlags(), HideHelp: true,
		Action: func(c *cli.Context) error {
			word := c.Args().First()
			if !strings.HasPrefix(word, "/") {
				return nil
			}
			s, done, err := toolConnect(c)
			if err != nil {
				return nil // completion says nothing rather than fails
			}
			defer done()
			for _, p := range shellPaths(s, word) {
				fmt.Fprintln(c.App.Writer, p)
			}
			return nil
		},
	}
}

const completionBash = `# bash completion for paddock: verbs and flags from the program itself, znode paths from the server
_paddock() {
    local cur="${COMP_WORDS[COMP_CWORD]}" words=() i
    for ((i = 1; i < COMP_CWORD; i++)); do words+=("${COMP_WORDS[i]}"); done
    if [[ "$cur" == /* ]]; then
        local server=() w
        for ((i = 1; i < COMP_CWORD; i++)); do
            w="${COMP_WORDS[i]}"
            if [[ "$w" == --context || "$w" == --server ]]; then server+=("$w" "${COMP_WORDS[i+1]}"); fi
        done
        COMPREPLY=($(compgen -W "$(paddock complete-path --timeout 2s "${server[@]}" "$cur" 2>/dev/null)" -- "$cur"))
        compopt -o nospace 2>/dev/null
        [[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- "$cur"))
    elif [[ "$cur" == -* ]]; then
        COMPREPLY=($(compgen -W "$(paddock "${words[@]}" "$cur" --generate-bash-completion 2>/dev/null)" -- "$cur"))
    else
        COMPREPLY=($(compgen -W "$(paddock "${words[@]}" --generate-bash-completion 2>/dev/null)" -- "$cur"))
    fi
}
complete -o bashdefault -o default -F _paddock paddock
`

const completionZsh = `#compdef paddock
# zsh completion for paddock
_paddock() {
    local cur="${words[CURRENT]}"
    local -a opts
    if [[ "$cur" == /* ]]; then
        opts=(${(f)"$(paddock complete-path --timeout 2s "$cur" 2>/dev/null)"})
        compadd -S '' -- $opts
        return
    elif [[ "$cur" == -* ]]; then
        opts=(${(f)"$(${words[1,CURRENT-1]} ${cur} --generate-bash-completion 2>/dev/null)"})
    else
        opts=(${(f)"$(${words[1,CURRENT-1]} --generate-bash-completion 2>/dev/null)"})
    fi
    compadd -- ${opts%%:*}
}
compdef _paddock paddock
`

const completionFish = `# fish completion for paddock
function __paddock_complete
    set -l cur (commandline -ct)
    if string match -q -- '/*' $cur
        paddock complete-path --timeout 2s $cur 2>/dev/null
    else if string match -q -- '-*' $cur
        paddock (commandline -opc)[2..] $cur --generate-bash-completion 2>/dev/null
    else
        paddock (commandline -opc)[2..] --generate-bash-completion 2>/dev/null
    end
end
complete -c paddock -f -a '(__paddock_complete)'
`
