package shell

import (
	"io"

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
				_, err = io.WriteString(c.App.Writer, completionBash)
			case "zsh":
				_, err = io.WriteString(c.App.Writer, completionZsh)
			case "fish":
				_, err = io.WriteString(c.App.Writer, completionFish)
			default:
				return tool.Usage("completion: %q: bash, zsh or fish", words[0])
			}
			return err
		},
	}
}

// The scripts only pass the words on: what may stand where is decided by `paddock complete`. Names of znodes are anybody's text, so no shell expands
// what comes back.

const completionBash = `# bash completion for paddock
_paddock() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$(printf '%q' "$line")")
    done < <(paddock complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [[ "${COMP_WORDS[COMP_CWORD]}" == /* && ${#COMPREPLY[@]} -gt 0 ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o bashdefault -o default -F _paddock paddock
`

const completionZsh = `#compdef paddock
# zsh completion for paddock
_paddock() {
    local -a list
    list=("${(@f)$(paddock complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    list=("${(@)list:#}")
    if (( ! $#list )); then
        _files
    elif [[ "${words[CURRENT]}" == /* ]]; then
        compadd -S '' -a list
    else
        compadd -a list
    fi
}
compdef _paddock paddock
`

const completionFish = `# fish completion for paddock
function __paddock_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    paddock complete -- $words[2..-1] "$last" 2>/dev/null
end
complete -c paddock -a '(__paddock_complete)'
`
