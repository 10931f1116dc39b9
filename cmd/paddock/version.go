package main

import (
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

func versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version of this program", Category: "Settings",
		Description: "   paddock version\n   paddock -o json version\n\nWhat servers run is in paddock status.",
		Flags:       tool.OfflineFlags(),
		Action: func(c *cli.Context) error {
			_, out, err := tool.Begin(c, 0, 0)
			if err != nil {
				return err
			}
			return out.Line(struct {
				Version   string `json:"version"`
				ZooKeeper string `json:"zookeeper"` // whose behaviour it has
				Go        string `json:"go"`
			}{version, zkVersion, runtime.Version()}, "paddock "+version)
		},
	}
}
