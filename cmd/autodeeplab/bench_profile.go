package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// profileNodes is how many nodes a profile lists, the slowest first.
const profileNodes = 25

// nodeTotal is a node's median time, or the sum of such times over several nodes.
type nodeTotal struct {
	runtime.NodeRun
	count int
}

// runProfile prints where the embedded engine's time goes, for each number of threads.
func (b *modelBench) runProfile(ctx context.Context, a *app) error {
	peak := kernel.Peak()
	for _, threads := range b.threads {
		nodes, inputs, err := b.observe(ctx, threads)
		if err != nil {
			return err
		}
		all := nodeTotal{count: len(nodes)}
		groups := make(map[string]*nodeTotal)
		for _, n := range nodes {
			all.Time += n.Time
			all.MultiplyAdds += n.MultiplyAdds
			name := n.Op + " " + n.Method
			if groups[name] == nil {
				groups[name] = &nodeTotal{NodeRun: runtime.NodeRun{Op: n.Op, Method: n.Method}}
			}
			g := groups[name]
			g.Time, g.MultiplyAdds, g.count = g.Time+n.Time, g.MultiplyAdds+n.MultiplyAdds, g.count+1
		}
		slowest := func(x, y nodeTotal) int { return cmp.Compare(y.Time, x.Time) }
		slices.SortStableFunc(nodes, slowest)
		var kinds []nodeTotal
		for _, g := range groups {
			kinds = append(kinds, *g)
		}
		slices.SortFunc(kinds, func(x, y nodeTotal) int {
			return cmp.Or(slowest(x, y), strings.Compare(x.Op+x.Method, y.Op+y.Method))
		})
		full := 2 * peak * float64(max(threads, 1)) / 1e9
		a.printf("%s: %s; %d threads, medians of %d runs; peak %.0f GFLOP/s\n", b.path, inputs, threads, b.runs, full)
		row := func(n nodeTotal, what string) {
			rate, share := "", ""
			if n.MultiplyAdds > 0 && n.Time > 0 {
				g := 2 * float64(n.MultiplyAdds) / n.Time.Seconds() / 1e9
				rate, share = fmt.Sprintf("%.1f", g), fmt.Sprintf("%.0f %%", 100*g/full)
			}
			a.printf("%9.3f %6.1f %% %9s %7s  %-10s %-22s %s\n", float64(n.Time.Microseconds())/1000,
				100*n.Time.Seconds()/max(all.Time.Seconds(), 1e-9), rate, share, n.Op, n.Method, what)
		}
		title := func(what string) {
			a.printf("\n%9s %8s %9s %7s  %-10s %-22s %s\n", "ms", "share", "GFLOP/s", "of peak", "operator", "method", what)
		}
		title("nodes")
		for _, n := range kinds {
			row(n, fmt.Sprint(n.count))
		}
		all.Op = "all"
		row(all, fmt.Sprint(all.count))
		title("node")
		for _, n := range nodes[:min(len(nodes), profileNodes)] {
			row(n, fmt.Sprintf("%s %s", n.Name, tensor.FormatShape(n.Output)))
		}
	}
	return nil
}

// observe runs the network and gives each node's median time.
func (b *modelBench) observe(ctx context.Context, threads int) ([]nodeTotal, string, error) {
	var seen []runtime.NodeRun
	o := b.limits.Engine(threads)
	o.Observe = func(n runtime.NodeRun) { seen = append(seen, n) }
	s, err := runtime.Embedded.Load(b.path, o)
	if err != nil {
		return nil, "", err
	}
	defer s.Close()
	inputs, words, err := b.inputs(s)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", b.path, err)
	}
	var times [][]time.Duration // by position in the run
	var nodes []nodeTotal
	for round := range b.runs + 2 {
		seen = seen[:0]
		if _, err := s.Run(ctx, inputs); err != nil {
			return nil, "", fmt.Errorf("%s: %w", b.path, err)
		}
		if round < 2 {
			continue
		}
		for i, n := range seen {
			if round == 2 {
				nodes, times = append(nodes, nodeTotal{n, 1}), append(times, nil)
			}
			if b.cpuTime {
				n.Time = n.CPU
			}
			times[i] = append(times[i], n.Time)
		}
	}
	for i := range nodes {
		slices.Sort(times[i])
		nodes[i].Time = times[i][len(times[i])/2]
	}
	return nodes, words, nil
}
