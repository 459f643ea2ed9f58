package weights

import (
	"fmt"
	"math"
	"strings"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/weights/checkpoint"
)

// shapes gives the shapes that the tensors of a rule must have for a tensor of ours; nil where ours is no kernel but the
// rule is for one.
func (r *tensorRule) shapes(ours []int) [][]int {
	if r.layout == "" && r.times == "" && r.inputs == nil {
		if r.minus != "" {
			return [][]int{ours, ours}
		}
		return [][]int{ours}
	}
	if len(ours) != 4 || r.inputs != nil && ours[1]%len(r.inputs) != 0 {
		return nil
	}
	o, i, h, w := ours[0], ours[1], ours[2], ours[3]
	layout := func(o, i, h, w int) []int {
		switch r.layout {
		case "HWIO":
			return []int{h, w, i, o}
		case "HWCM":
			return []int{h, w, o, i}
		}
		return []int{o, i, h, w}
	}
	if r.times != "" {
		return [][]int{layout(o, i, 1, 1), layout(i, 1, h, w)}
	}
	if r.minus != "" {
		return [][]int{layout(o, i, h, w), layout(o, i, h, w)}
	}
	return [][]int{layout(o, i, h, w)}
}

// how says what a rule does, for people.
func (r *tensorRule) how() string {
	var parts []string
	switch r.layout {
	case "HWIO":
		parts = append(parts, "HWIO to OIHW")
	case "HWCM":
		parts = append(parts, "HWCM to CMHW")
	}
	if r.inputs != nil {
		parts = append(parts, fmt.Sprintf("input groups %v", r.inputs))
	}
	if r.times != "" {
		parts = append(parts, "product of both")
	}
	if r.minus != "" {
		parts = append(parts, "less the second")
	}
	return strings.Join(parts, ", ")
}

// Load reads the elements and gives all weights of the network by name, as compile.Options.Weights takes them: those of
// the plan's rows, and the model's own where a row keeps its initial value. The error is [Plan.Err]'s where that is one,
// or says which tensor cannot be read or holds a number that is not finite.
func (p *Plan) Load() (map[string]*tensor.Tensor, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	out := make(map[string]*tensor.Tensor, len(p.Rows))
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.initial {
			out[r.Name] = p.own[r.Name]
			continue
		}
		data, err := r.load()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		for at, v := range data {
			if v-v != 0 {
				return nil, fmt.Errorf("%s: element %d is %g, no weight", r.Name, at, v)
			}
		}
		out[r.Name] = tensor.Of(data, r.Shape...)
	}
	return out, p.epsilons(out)
}

// load reads one tensor.
func (r *Row) load() ([]float32, error) {
	n, err := tensor.NumElems(r.Shape)
	if err != nil {
		return nil, err
	}
	if len(r.From) == 0 {
		data := make([]float32, n)
		for i := range data {
			data[i] = *r.rule.absent
		}
		return data, nil
	}
	var parts [][]float32
	for _, t := range r.From {
		data, err := checkpoint.Load[float32](t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t, err)
		}
		parts = append(parts, r.rule.plain(data, t.Shape))
	}
	data := parts[0]
	switch {
	case r.rule.times != "":
		data = product(parts[0], parts[1], r.Shape)
	case r.rule.minus != "":
		for i, v := range parts[1] {
			data[i] -= v
		}
	}
	if r.rule.inputs != nil {
		data = regroup(data, r.Shape, r.rule.inputs)
	}
	return data, nil
}

// plain brings a tensor of a checkpoint from the rule's layout into ours.
func (r *tensorRule) plain(data []float32, shape []int) []float32 {
	switch r.layout {
	case "HWIO": // [H, W, I, O] to [O, I, H, W]
		return transpose(data, shape, [4]int{3, 2, 0, 1})
	case "HWCM": // [H, W, C, M] to [C, M, H, W]
		return transpose(data, shape, [4]int{2, 3, 0, 1})
	}
	return data
}

// transpose permutes four axes: axis i of the result is axis order[i] of data.
func transpose(data []float32, shape []int, order [4]int) []float32 {
	strides := [4]int{shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1}
	out := make([]float32, 0, len(data))
	for a := range shape[order[0]] {
		for b := range shape[order[1]] {
			for c := range shape[order[2]] {
				for d := range shape[order[3]] {
					out = append(out, data[a*strides[order[0]]+b*strides[order[1]]+c*strides[order[2]]+d*strides[order[3]]])
				}
			}
		}
	}
	return out
}

// product is the dense kernel [O, I, H, W] of a pointwise [O, I] and a depthwise [I, H, W] kernel that it follows.
func product(pointwise, depthwise []float32, shape []int) []float32 {
	inputs, area := shape[1], shape[2]*shape[3]
	out := make([]float32, 0, len(pointwise)*area)
	for i, p := range pointwise {
		in := i % inputs
		for _, d := range depthwise[in*area : (in+1)*area] {
			out = append(out, p*d)
		}
	}
	return out
}

// regroup puts groups of input channels [O, I, H, W] into another order: group g of the result is group order[g] of data.
func regroup(data []float32, shape, order []int) []float32 {
	size := shape[1] / len(order) * shape[2] * shape[3]
	row := len(order) * size
	out := make([]float32, 0, len(data))
	for o := range shape[0] {
		for _, g := range order {
			out = append(out, data[o*row+g*size:o*row+(g+1)*size]...)
		}
	}
	return out
}

// epsilons checks the variances of batch normalisations, and makes up for an ε that is another in the checkpoint's network.
func (p *Plan) epsilons(weights map[string]*tensor.Tensor) error {
	kept := make(map[string]bool)
	for i := range p.Rows {
		kept[p.Rows[i].Name] = p.Rows[i].initial
	}
	for _, node := range p.model.GetGraph().GetNode() {
		if node.GetOpType() != "BatchNormalization" || len(node.GetInput()) != 5 {
			continue
		}
		scale, variance := weights[node.Input[1]], weights[node.Input[4]]
		if scale == nil || variance == nil {
			continue // a model that compile did not make
		}
		here := epsilon(node)
		there, ok := p.Map.epsilon(node.GetName())
		s, v := tensor.Data[float32](scale), tensor.Data[float32](variance)
		for i := range v {
			if v[i] < 0 || ok && float64(v[i])+there == 0 {
				return fmt.Errorf("%s: element %d is %g, which is no variance", node.Input[4], i, v[i])
			}
			if ok && !kept[node.Input[1]] {
				s[i] = float32(float64(s[i]) * math.Sqrt((float64(v[i])+here)/(float64(v[i])+there)))
			}
		}
	}
	return nil
}

// epsilon is the ε that the map says a batch normalisation was trained with.
func (m *Map) epsilon(node string) (float64, bool) {
	for _, e := range m.epsilons {
		if _, ok := e.ours.match(node); ok {
			return e.epsilon, true
		}
	}
	return 0, false
}

// epsilon is the attribute of a BatchNormalization.
func epsilon(node *onnx.Node) float64 {
	for _, a := range node.GetAttribute() {
		if a.GetName() == "epsilon" {
			return float64(a.GetF())
		}
	}
	return 1e-5 // ONNX's default
}
