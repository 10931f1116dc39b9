package data

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

func editCommand() *cli.Command {
	return &cli.Command{
		Name: "edit", Category: Category, Usage: "change a node's data in your editor", ArgsUsage: "PATH",
		Description: `Runs $VISUAL, $EDITOR or vi on a copy and writes it back only if nobody else changed the node meanwhile; then the copy is kept and named.
An editor's line end at the end is left out if the node had none.

   EDITOR=nano paddock edit /app/config

` + tool.ExitHelp,
		Flags: tool.Flags(),
		Action: action(1, 1, 1, func(v *verb, words []string) error {
			n, err := v.get(words[0])
			if err != nil {
				return tool.Fail("edit "+words[0], err)
			}
			data, file, err := editedText(v.c, n.data)
			if err != nil {
				return err
			}
			if bytes.Equal(data, n.data) {
				os.Remove(file)
				tool.Note(v.c, "not changed")
				return nil
			}
			_, err = tool.Do(v.ctx, v.Session, func() (*zk.Stat, error) { return v.Set(words[0], data, n.stat.Version) })
			if err != nil {
				var e *tool.Error
				if errors.As(tool.Fail("edit "+words[0], err), &e) {
					e.Todo = "your text is in " + file + "; look at the node, then set " + words[0] + " --file " + file
				}
				return e
			}
			os.Remove(file)
			tool.Note(v.c, "written, version %d", n.stat.Version+1)
			return nil
		}),
	}
}

// editedText gives the text to the editor and back, with the file it is in.
func editedText(c *cli.Context, data []byte) (edited []byte, file string, err error) {
	f, err := os.CreateTemp("", "paddock-edit-*.txt")
	if err != nil {
		return nil, "", fmt.Errorf("edit: %w", err)
	}
	file = f.Name()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, file, fmt.Errorf("edit: %w", err)
	}
	editor := os.Getenv("VISUAL")
	if editor == "" {
		editor = os.Getenv("EDITOR")
	}
	if editor == "" {
		editor = "vi"
	}
	cmd := exec.Command("sh", "-c", editor+` "$1"`, "editor", file)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, c.App.ErrWriter, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, file, &tool.Error{Tried: "run the editor " + editor, Happened: err.Error(), Todo: "nothing was written; set $EDITOR to another one", Code: 1, Cause: err}
	}
	if edited, err = os.ReadFile(file); err != nil {
		return nil, file, fmt.Errorf("edit: %w", err)
	}
	if !bytes.HasSuffix(data, []byte("\n")) {
		edited = bytes.TrimSuffix(edited, []byte("\n"))
	}
	return edited, file, nil
}
