package main

import (
	"context"
	"encoding/json"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"autodeeplab/decode"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/internal/costtable"
	"autodeeplab/runtime"
	"autodeeplab/search"
)

// benchOptions are bench's flags.
type benchOptions struct {
	table, engines string
	threads        []int
	runs           int
	profile        bool
	cpuTime        bool
	costs          costtable.Options
	input          sizeFlag
}

func newBenchCommand(a *app) *cobra.Command {
	o := benchOptions{engines: runtime.Embedded.Name(), runs: 10, input: sizeFlag{513, 513},
		costs: costtable.Options{Filters: 20, Blocks: 5, Levels: 4}}
	cmd := &cobra.Command{
		Use:   "bench NET.onnx | bench --table FILE",
		Short: "Measure how long a network takes, or the operators of the search space",
		Long: `bench measures how long a network takes to load and to run. With several engines it runs them by turns in one
process, so that what else the machine does falls on all of them alike; speed is that of the last one
over each one's own, by medians. The first run and one more are not counted. --profile prints instead
where the embedded engine's time goes, node by node and operator by operator.

bench --table runs every operator and every transition of the search space at every level with the
embedded engine, each alone and in its inference form, and writes the medians as JSON: the latencies that
search --cost latency weighs architectures by. Measure for the network that you will deploy, on the
machine that it will run on, with nothing else running there.`,
		Example: `  autodeeplab bench net.onnx --engine runtime,onnxruntime --threads 1,2
  autodeeplab bench net.onnx --profile --threads 1
  autodeeplab bench --table latency.json --filters 20 --input-size 513x513
  autodeeplab search --data camvid/ -o found/ --cost latency --cost-table latency.json --cost-weight 0.1`,
		Args: arguments(0, 1, "one network, or --table FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.runs < 1:
				return usagef("--runs %d: want 1 or more", o.runs)
			case slices.ContainsFunc(o.threads, func(n int) bool { return n < 0 }):
				return usagef("--threads %v: want 0 (all) or more", o.threads)
			case o.table == "" && len(args) == 0:
				return usagef("bench needs a network, or a file to write: --table FILE")
			case o.table != "" && len(args) > 0:
				return usagef("bench %s --table %s: give one of them", args[0], o.table)
			case o.table != "":
				return o.writeTable(cmd.Context(), a)
			}
			b := modelBench{limits: a.limits, path: args[0], threads: o.threads, runs: o.runs, input: o.input, profile: o.profile, cpuTime: o.cpuTime}
			if len(b.threads) == 0 {
				b.threads = []int{goruntime.GOMAXPROCS(0)}
			}
			for _, name := range strings.Split(o.engines, ",") {
				e, err := openEngine(name)
				if err != nil {
					return err
				}
				b.engines = append(b.engines, e)
			}
			return b.run(cmd.Context(), a)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.engines, "engine", o.engines, "engines to compare, the one to compare with last: "+strings.Join(engineNames(), ","))
	f.IntSliceVar(&o.threads, "threads", nil, "numbers of threads to measure with, 0 for all (default all)")
	f.IntVar(&o.runs, "runs", o.runs, "runs, of which the median is taken")
	f.BoolVar(&o.profile, "profile", false, "print the embedded engine's time by node and by operator")
	f.BoolVar(&o.cpuTime, "cpu-time", false, "measure processor time of the process in place of wall time: for a machine where other programs run")
	f.Var(&o.input, "input-size", "input in pixels, height first, where the network leaves it open")
	f.StringVar(&o.table, "table", "", "measure the operators of the search space, and write them to this file")
	f.IntVar(&o.costs.Filters, "filters", o.costs.Filters, "with --table: width of the network, 20 for S")
	f.IntVar(&o.costs.Blocks, "blocks", o.costs.Blocks, "with --table: blocks of a cell")
	f.IntVar(&o.costs.Levels, "levels", o.costs.Levels, "with --table: levels of the trellis")
	nameArguments(f, "engine", "NAME,...", "threads", "N,...", "table", "FILE", "filters", "F", "blocks", "N", "levels", "N", "runs", "N")
	return cmd
}

// writeTable measures the operators of the search space.
func (b *benchOptions) writeTable(ctx context.Context, a *app) error {
	o := b.costs
	o.Height, o.Width, o.Runs = b.input.height, b.input.width, b.runs
	if o.Height == 0 || o.Width == 0 {
		return usagef("--input-size %s: a measurement needs a size, as 513x513", dynamic)
	}
	if len(b.threads) > 1 {
		return usagef("--threads %v: --table takes one number", b.threads)
	}
	for _, n := range b.threads {
		o.Threads = n
	}
	bar := a.progress(o.Levels*11, "measuring")
	defer clearBar(bar)
	o.Progress = func(done, all int) {
		if bar != nil {
			_ = bar.Set(done)
		}
	}
	t, err := costtable.Measure(ctx, o)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(b.table, append(text, '\n')); err != nil {
		return err
	}
	a.printf("%s: milliseconds at %d×%d with %d filters\n", b.table, o.Height, o.Width, o.Filters)
	printCosts(a, t)
	return nil
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
