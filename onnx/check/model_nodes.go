package check

import (
	"container/heap"
	"fmt"
	"slices"
	"strings"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// label is a node as findings and texts call it.
func label(n *onnx.Node, i int) string {
	if n.GetName() != "" {
		return n.GetName()
	}
	return fmt.Sprintf("#%d", i)
}

// node makes a finding about node i.
func (c *checker) node(i int, value, format string, args ...any) Finding {
	n := c.m.GetGraph().GetNode()[i]
	return Finding{Node: label(n, i), Op: n.GetOpType(), Value: value, Text: fmt.Sprintf(format, args...)}
}

// nodes checks every node: its names, where its inputs come from, its operator and attributes, and its types and
// shapes. The walk is in topological order, the findings are reported in the order of the file.
func (c *checker) nodes() {
	nodes := c.m.GetGraph().GetNode()
	found := make([][]Finding, len(nodes))
	report := func(i int, f Finding) { found[i] = append(found[i], f) }
	c.names(report)
	// Findings are kept by node until all are there: names and order are judged over the whole graph, types along the
	// data, and the reader wants them by place in the file.
	sorted := make([]bool, len(nodes))
	for _, i := range c.sort(report) {
		sorted[i] = true
		for _, f := range c.infer(i) {
			report(i, f)
		}
	}
	for i, fs := range found {
		if !sorted[i] { // on or behind a cycle: its inputs are not known, the rest can be judged
			_, more := c.resolve(i)
			fs = append(fs, more...)
		}
		for _, f := range fs {
			c.add(f)
		}
	}
}

// names checks that nodes, and what they make, are called differently.
func (c *checker) names(report func(int, Finding)) {
	first := make(map[string]int)
	for i, n := range c.m.GetGraph().GetNode() {
		if name := n.GetName(); name != "" {
			if j, twice := first[name]; twice {
				report(i, c.node(i, "", "node #%d has the same name", j))
			} else {
				first[name] = i
			}
		}
		for _, out := range n.GetOutput() {
			if out == "" {
				continue
			}
			j, made := c.makers[out]
			switch {
			case made && i == j:
				report(i, c.node(i, out, "is an output of this node twice"))
			case made:
				report(i, c.node(i, out, "is already an output of node %q", label(c.m.GetGraph().GetNode()[j], j)))
			case c.given[out] != "":
				report(i, c.node(i, out, "is an output of this node, but the name is that of the graph's %s", strings.TrimPrefix(c.given[out], "graph ")))
			default:
				c.makers[out] = i
			}
		}
	}
}

// sort orders the nodes by their inputs as sortNodes does, but reports what is wrong and goes on: inputs that nothing
// defines, nodes that stand before a node whose output they use, and cycles. The nodes on and behind a cycle are not
// in the order.
func (c *checker) sort(report func(int, Finding)) []int {
	nodes := c.m.GetGraph().GetNode()
	waiting := make([]int, len(nodes))
	users := make([][]int, len(nodes))
	ready := new(intHeap)
	for i, n := range nodes {
		for _, in := range n.GetInput() {
			if p, made := c.makers[in]; made {
				waiting[i]++
				users[p] = append(users[p], i)
			} else if _, given := c.given[in]; !given {
				report(i, c.node(i, in, "is not defined: no graph input, initializer or node output has that name"))
			}
		}
		// A node with an undefined input does not wait for it: it is placed, and skipped by infer.
		if waiting[i] == 0 {
			heap.Push(ready, i)
		}
	}
	order := make([]int, 0, len(nodes))
	for ready.Len() > 0 {
		i := heap.Pop(ready).(int)
		order = append(order, i)
		for _, u := range users[i] {
			if waiting[u]--; waiting[u] == 0 {
				heap.Push(ready, u)
			}
		}
	}
	for i, n := range nodes {
		for _, in := range n.GetInput() {
			p, made := c.makers[in]
			// Between two nodes that both wait, the order is a consequence of the cycle, which is reported by itself.
			if made && p > i && !(waiting[i] > 0 && waiting[p] > 0) {
				report(i, c.node(i, in, "is made by node %q, which stands later: nodes must be in topological order", label(nodes[p], p)))
			}
		}
	}
	if len(order) < len(nodes) {
		c.cycles(waiting, report)
	}
	return order
}

// maxNamed is how many nodes of a cycle are named.
const maxNamed = 6

// cycles reports the cycles among the nodes that wait in vain. Every such node has an input from another one, so
// walking from each to the maker of its first such input must run into a cycle.
func (c *checker) cycles(waiting []int, report func(int, Finding)) {
	nodes := c.m.GetGraph().GetNode()
	before := func(i int) int {
		for _, in := range nodes[i].GetInput() {
			if p, made := c.makers[in]; made && waiting[p] > 0 {
				return p
			}
		}
		return -1 // unreachable: the node would not wait
	}
	// Each node is entered by one walk only, so all walks together are linear in the nodes; a walk that meets an older one
	// leads to a cycle that is known already.
	walk := make([]int, len(nodes)) // the walk that came by, counted from 1
	for start := range nodes {
		if waiting[start] == 0 || walk[start] != 0 {
			continue
		}
		i := start
		for ; i >= 0 && walk[i] == 0; i = before(i) {
			walk[i] = start + 1
		}
		if i < 0 || walk[i] != start+1 {
			continue // ran into an older walk
		}
		cycle := []int{i}
		for j := before(i); j != i; j = before(j) {
			cycle = append(cycle, j)
		}
		slices.Reverse(cycle) // now in the direction of the data
		least := slices.Index(cycle, slices.Min(cycle))
		cycle = append(cycle[least:], cycle[:least]...)
		var names []string
		for _, j := range cycle {
			if len(names) == maxNamed {
				names = append(names, fmt.Sprintf("… (%d nodes)", len(cycle)))
				break
			}
			names = append(names, label(nodes[j], j))
		}
		names = append(names, names[0])
		report(cycle[0], c.node(cycle[0], "", "the graph has a cycle: %s", strings.Join(names, " → ")))
	}
}

// infer checks node i alone, whose inputs have been dealt with, and puts what follows about its outputs into values.
func (c *checker) infer(i int) []Finding {
	n := c.m.GetGraph().GetNode()[i]
	call, findings := c.resolve(i)
	// A node that is wrong by itself, or has an input of which nothing is known, is not inferred: its shape rule may take
	// for granted what does not hold, and would only repeat the fault in other words.
	inferred := call != nil && len(findings) == 0
	if inferred {
		for k, name := range n.GetInput() {
			if call.In[k] = c.values[name]; name != "" && call.In[k] == nil {
				inferred = false
			}
		}
	}
	if inferred {
		if err := op.Infer(call); err != nil {
			findings = append(findings, c.node(i, "", "%v", err))
			inferred = false
		}
	}
	for k, name := range n.GetOutput() {
		if j, made := c.makers[name]; !made || j != i || c.values[name] != nil {
			continue // left out, or a second definition
		}
		// What was inferred goes before what is declared; the declaration stands in where nothing was inferred, and fills in
		// sizes that inference left open, as ONNX does.
		said := c.declared[name]
		if !inferred {
			if said != nil && said.Dims != nil {
				c.values[name] = said
			}
			continue
		}
		info := &call.Out[k]
		if info.DType == tensor.Undefined && said != nil {
			info.DType = said.DType
		}
		if info.DType != tensor.Undefined {
			c.values[name] = info
		}
		if said == nil {
			continue
		}
		if why := contradiction(info, said); why != "" {
			findings = append(findings, c.node(i, name, "is %s, but it is declared as %s: %s", info, said, why))
			continue
		}
		refine(info, said)
	}
	return findings
}

// refine adds to what was inferred what is only declared.
func refine(info, said *op.Info) {
	if info.Dims == nil && info.Shape == nil {
		info.Dims = slices.Clone(said.Dims)
	}
	for k := range said.Dims {
		if k < len(info.Dims) && !info.Dims[k].IsKnown() && said.Dims[k].IsKnown() {
			info.Dims[k] = said.Dims[k]
		}
	}
}
