package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"
)

func editCommand() *cli.Command {
	return &cli.Command{
		Name: "edit", Category: dataCategory, Usage: "change a node's data in your editor", ArgsUsage: "PATH",
		Description: `Runs $VISUAL, $EDITOR or vi on a copy and writes it back only if nobody else changed the node meanwhile; then the copy is kept and named.
An editor's line end at the end is left out if the node had none.

   EDITOR=nano paddock edit /app/config

` + toolExitHelp,
		Flags: toolFlags(),
		Action: dataAction(1, 1, 1, func(v *dataVerb, words []string) error {
			n, err := v.get(words[0])
			if err != nil {
				return toolFail("edit "+words[0], err)
			}
			data, file, err := dataEdited(v.c, n.data)
			if err != nil {
				return err
			}
			if bytes.Equal(data, n.data) {
				os.Remove(file)
				toolNote(v.c, "not changed")
				return nil
			}
			_, err = toolDo(v.ctx, v.toolSession, func() (*zk.Stat, error) { return v.Set(words[0], data, n.stat.Version) })
			if err != nil {
				var e *toolError
				if errors.As(toolFail("edit "+words[0], err), &e) {
					e.todo = "your text is in " + file + "; look at the node, then set " + words[0] + " --file " + file
				}
				return e
			}
			os.Remove(file)
			toolNote(v.c, "written, version %d", n.stat.Version+1)
			return nil
		}),
	}
}

// dataEdited gives the text to the editor and back, with the file it is in.
func dataEdited(c *cli.Context, data []byte) (edited []byte, file string, err error) {
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
		return nil, file, &toolError{tried: "run the editor " + editor, happened: err.Error(), todo: "nothing was written; set $EDITOR to another one", code: 1, cause: err}
	}
	if edited, err = os.ReadFile(file); err != nil {
		return nil, file, fmt.Errorf("edit: %w", err)
	}
	if !bytes.HasSuffix(data, []byte("\n")) {
		edited = bytes.TrimSuffix(edited, []byte("\n"))
	}
	return edited, file, nil
}
