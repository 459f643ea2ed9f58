package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"autodeeplab/compile"
	"autodeeplab/onnx/op"
)

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and which operator sets and engines there are",
		Args:  arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.printf("autodeeplab %s, %s, %s/%s\n", moduleVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			a.printf("writes networks of compiler version %s\n", compile.Version)
			a.printf("operator sets: ai.onnx %d to %d\n", op.OldestOpset, op.NewestOpset)
			for _, e := range engines {
				state := "available"
				if _, err := e.open(); err != nil {
					state = oneLine(err.Error())
				}
				a.printf("engine %s (%s): %s\n", e.name, e.about, state)
			}
			return nil
		},
	}
}

// moduleVersion is the release that `go install module@version` built, or the commit of a checkout.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = " " + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = ", modified"
		}
	}
	return "(devel" + revision + dirty + ")"
}
