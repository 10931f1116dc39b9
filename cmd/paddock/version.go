package main

import (
	"runtime"

	"github.com/urfave/cli/v2"
)

func versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version of this program", Category: "Settings",
		Description: "   paddock version\n   paddock -o json version\n\nWhat servers run is in paddock status.",
		Flags:       offlineFlags(),
		Action: func(c *cli.Context) error {
			_, out, err := toolBegin(c, 0, 0)
			if err != nil {
				return err
			}
			return out.line(struct {
				Version   string `json:"version"`
				ZooKeeper string `json:"zookeeper"` // whose behaviour it has
				Go        string `json:"go"`
			}{version, zkVersion, runtime.Version()}, "paddock "+version)
		},
	}
}
