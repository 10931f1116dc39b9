package shell

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// CompletionCommand prints what a login shell loads to complete paddock's command lines.
func CompletionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Category: "Settings", Usage: "print the completion script of bash, zsh or fish", ArgsUsage: "bash|zsh|fish",
		Description: `   source <(paddock completion bash)          # in ~/.bashrc
   source <(paddock completion zsh)           # in ~/.zshrc
   paddock completion fish > ~/.config/fish/completions/paddock.fish

Exit codes: 0 printed, 2 wrong usage.`,
		Flags: tool.Flags(),
		Action: func(c *cli.Context) error {
			words, err := tool.Args(c, 1, 1)
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
				return tool.Usage("completion: %q: bash, zsh or fish", words[0])
			}
			return nil
		},
	}
}

// completePath answers completion requests for znode paths: the words of a line, the last of which is being written.
func CompletePathCommand() *cli.Command {
	return &cli.Command{
		Name: "complete-path", Hidden: true, Flags: tool.Flags(), HideHelp: true,
		Action: func(c *cli.Context) error {
			word := c.Args().First()
			if !strings.HasPrefix(word, "/") {
				return nil
			}
			s, done, err := tool.Connect(c)
			if err != nil {
				return nil // completion says nothing rather than fails
			}
			defer done()
			for _, p := range paths(s, word) {
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
