package main

import (
	"github.com/spf13/cobra"

	"autodeeplab/internal/limits"
	"autodeeplab/onnx"
)

// limitFlag is --limit, which may be given several times.
type limitFlag struct{ set *limits.Set }

func (l limitFlag) Type() string          { return "LIST" }
func (l limitFlag) String() string        { return "" }
func (l limitFlag) Set(text string) error { return l.set.Parse(text) }

// load reads a model within the limits of the command line.
func (a *app) load(path string) (*onnx.Model, error) { return onnx.Load(path, a.limits.Load()) }

func newLimitsCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "limits",
		Short: "List the limits of what is read and run, which --limit changes",
		Long: `limits lists what keeps a file from strangers from taking this machine: every limit with its value, as
--limit sets it, and what it bounds. Every command takes --limit NAME=VALUE,NAME=VALUE …; K, M and G behind a
number are powers of 1024. What is over a limit is refused before memory is taken for it, and the message
names the limit.`,
		Example: `  autodeeplab limits
  autodeeplab run net.onnx photo.jpg -o out/ --limit picture-pixels=20000000,run-bytes=2G,seconds=60`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			a.printf("%-19s %15s  %s\n", "limit", "value", "bounds")
			for _, l := range limits.Table() {
				a.printf("%-19s %15s  %s\n", l.Name, a.limits.Text(l.Name), l.Bounds)
			}
			a.printf("\n%-19s %15s  %s\n", "not to be changed", "value", "bounds")
			for _, l := range limits.Fixed {
				a.printf("%-19s %15s  %s\n", l.Name, l.Value(), l.Bounds)
			}
			return nil
		},
	}
}
