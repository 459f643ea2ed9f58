package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"autodeeplab/decode"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/internal/costtable"
	"autodeeplab/search"
)

func newBenchCommand(a *app) *cobra.Command {
	var table string
	o := costtable.Options{Filters: 20, Blocks: 5, Levels: 4, Runs: 9}
	input := sizeFlag{513, 513}
	cmd := &cobra.Command{
		Use:   "bench --table FILE",
		Short: "Measure what the operators of the search space take on this machine",
		Long: `bench --table runs every operator and every transition of the search space at every level with the
embedded engine, each alone and in its inference form, and writes the medians as JSON: the latencies that
search --cost latency weighs architectures by. Measure for the network that you will deploy, on the
machine that it will run on, with nothing else running there.`,
		Example: `  autodeeplab bench --table latency.json --filters 20 --input-size 513x513
  autodeeplab search --data camvid/ -o found/ --cost latency --cost-table latency.json --cost-weight 0.1`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if table == "" {
				return usagef("bench needs a file to write: --table FILE")
			}
			o.Height, o.Width = input.height, input.width
			if input.height == 0 || input.width == 0 {
				return usagef("--input-size %s: a measurement needs a size, as 513x513", dynamic)
			}
			bar := a.progress(o.Levels*11, "measuring")
			defer clearBar(bar)
			o.Progress = func(done, all int) {
				if bar != nil {
					_ = bar.Set(done)
				}
			}
			t, err := costtable.Measure(cmd.Context(), o)
			if err != nil {
				return err
			}
			text, err := json.MarshalIndent(t, "", "  ")
			if err != nil {
				return err
			}
			if err := atomicfile.WriteBytes(table, append(text, '\n')); err != nil {
				return err
			}
			a.printf("%s: milliseconds at %d×%d with %d filters\n", table, o.Height, o.Width, o.Filters)
			printCosts(a, t)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&table, "table", "", "file to write")
	f.IntVar(&o.Filters, "filters", o.Filters, "width of the network, 20 for S")
	f.IntVar(&o.Blocks, "blocks", o.Blocks, "blocks of a cell")
	f.IntVar(&o.Levels, "levels", o.Levels, "levels of the trellis")
	f.Var(&input, "input-size", "input in pixels, height first")
	f.IntVar(&o.Threads, "threads", 0, "threads, 0 for all")
	f.IntVar(&o.Runs, "runs", o.Runs, "runs of each operator, of which the median is taken")
	nameArguments(f, "table", "FILE", "filters", "F", "blocks", "N", "levels", "N", "threads", "N", "runs", "N")
	return cmd
}

func printCosts(a *app, t *search.CostTable) {
	a.printf("%-14s", "level")
	for level := range t.Operators {
		a.printf("%10d", level)
	}
	a.printf("\n")
	row := func(name string, values func(level int) float64) {
		a.printf("%-14s", name)
		for level := range t.Operators {
			a.printf("%10.3f", 1000*values(level))
		}
		a.printf("\n")
	}
	for op, name := range operatorNames() {
		row(name, func(level int) float64 { return t.Operators[level][op] })
	}
	for move, name := range []string{"move up", "move same", "move down"} {
		row(name, func(level int) float64 { return t.Transitions[level][move] })
	}
}

func operatorNames() []string {
	var names []string
	for _, op := range decode.Operators() {
		names = append(names, op.String())
	}
	return names
}
