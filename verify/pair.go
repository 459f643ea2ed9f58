package verify

import (
	"slices"
	"strings"

	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/tensor"
)

// Match says how values of two models are paired.
type Match int

const (
	// ByName pairs values of equal name.
	ByName Match = iota
	// ByTopology pairs the outputs of nodes of one operator whose inputs are paired, beginning at the graphs' inputs, in
	// the order in which they stand in the files; names do not count.
	ByTopology
)

// MatchNames are the names of the constants on the command line.
var MatchNames = []string{"name", "topology"}

// pair is a value of the subject and the one of the reference that it should equal.
type pair struct {
	have, want string
	node       *check.NodeInfo // that makes it, in the subject
	place      int             // of the node in topological order
	bytes      int
	quantised  bool // an integer that stands for a real number
	decided    bool // what comparisons of real numbers decide, so that the least error may turn it
}

// pairs lists the values of the subject's nodes that have a partner in the reference, in topological order of the nodes.
// alone counts those without one.
func pairs(have, want *check.Result, haveModel, wantModel *onnx.Model, match Match) (list []pair, alone int) {
	partner := func(name string) (string, bool) {
		_, ok := want.Values[name]
		return name, ok
	}
	switch {
	case haveModel == wantModel:
	case match == ByTopology:
		found := topology(have, want, haveModel, wantModel)
		partner = func(name string) (string, bool) { p, ok := found[name]; return p, ok }
	default: // an initializer or input of the same name is something else
		made := make(map[string]bool)
		for _, n := range want.Nodes {
			for _, out := range n.Node.GetOutput() {
				made[out] = true
			}
		}
		partner = func(name string) (string, bool) { return name, made[name] }
	}
	decided := make(map[string]bool)
	for place, n := range have.Nodes {
		for _, name := range n.Node.GetOutput() {
			if name == "" {
				continue
			}
			decided[name] = !have.Values[name].DType.IsFloat() && (decides[n.Node.GetOpType()] || slices.ContainsFunc(n.Node.GetInput(), func(in string) bool { return decided[in] }))
			other, ok := partner(name)
			if !ok {
				alone++
				continue
			}
			list = append(list, pair{have: name, want: other, node: n, place: place,
				bytes: bytesOf(have, name) + bytesOf(want, other), quantised: quantises(n.Node.GetOpType()), decided: decided[name]})
		}
	}
	return list, alone
}

// decides lists the operators whose results are decided by which of two real numbers is the greater.
var decides = map[string]bool{"ArgMax": true, "ArgMin": true, "TopK": true, "Greater": true, "GreaterOrEqual": true, "Less": true, "LessOrEqual": true,
	"Equal": true, "Sign": true, "NonMaxSuppression": true}

// quantises says whether an operator's integers stand for real numbers.
func quantises(op string) bool {
	return op == "QuantizeLinear" || op == "DynamicQuantizeLinear" || strings.HasPrefix(op, "QLinear")
}

// bytesOf estimates what a value takes; 0 where its shape is not known.
func bytesOf(r *check.Result, name string) int {
	info := r.Values[name]
	if info == nil {
		return 0
	}
	sizes, ok := info.Sizes()
	if !ok {
		return 0
	}
	n, err := tensor.NumElems(sizes)
	if err != nil {
		return 0
	}
	return n * max(info.DType.Size(), 4)
}

// topology pairs values as ByTopology says.
func topology(have, want *check.Result, haveModel, wantModel *onnx.Model) map[string]string {
	partner := make(map[string]string)
	a, b := freeInputs(haveModel), freeInputs(wantModel)
	for i := range min(len(a), len(b)) {
		partner[a[i]] = b[i]
	}
	taken := make([]bool, len(want.Nodes))
	byOp := make(map[string][]int)
	for k, n := range want.Nodes {
		byOp[n.Node.GetOpType()] = append(byOp[n.Node.GetOpType()], k)
	}
	for _, n := range have.Nodes {
		for _, k := range byOp[n.Node.GetOpType()] {
			if other := want.Nodes[k]; !taken[k] && fed(n, other, have, partner) {
				taken[k] = true
				for i, out := range n.Node.GetOutput() {
					if o := other.Node.GetOutput(); out != "" && i < len(o) && o[i] != "" {
						partner[out] = o[i]
					}
				}
				break
			}
		}
	}
	return partner
}

// fed says whether all inputs of n that are no constants are paired with those of other.
func fed(n, other *check.NodeInfo, have *check.Result, partner map[string]string) bool {
	a, b := n.Node.GetInput(), other.Node.GetInput()
	if len(a) != len(b) {
		return false
	}
	for i, name := range a {
		p, ok := partner[name]
		switch {
		case ok && p != b[i]:
			return false
		case !ok && name != "" && have.Values[name].Value == nil:
			return false
		}
	}
	return true
}

// freeInputs names the inputs that are no initializers.
func freeInputs(m *onnx.Model) []string {
	inits := onnx.Initializers(m.GetGraph())
	var names []string
	for _, v := range m.GetGraph().GetInput() {
		if _, ok := inits[v.GetName()]; !ok {
			names = append(names, v.GetName())
		}
	}
	return names
}

// chunks cuts pairs into runs whose values take at most so many bytes together, each of one pair at least. The values of
// one node stay together.
func chunks(list []pair, most int) [][]pair {
	var out [][]pair
	for len(list) > 0 {
		n, sum := 0, 0
		for n < len(list) && (n == 0 || sum+list[n].bytes <= most || list[n].node == list[n-1].node) {
			sum += list[n].bytes
			n++
		}
		out = append(out, slices.Clip(list[:n]))
		list = list[n:]
	}
	return out
}
