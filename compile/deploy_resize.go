package compile

import (
	"fmt"
	"slices"
	"strings"

	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/tensor"
)

// resizeMode is a way to resize on which ONNX Runtime, TensorRT and OpenVINO agree.
type resizeMode struct {
	mode, coordinates string
	// nearest is the rounding that goes with mode nearest, "" for any.
	nearest string
	// whole asks for constant scales that are whole numbers, so that no engine's rounding of a ratio can matter.
	whole bool
}

// agreedResizes lists them. The others are known to differ: asymmetric where the ratio is rounded, and
// pytorch_half_pixel at an output of one row (TensorRT #273, #974, onnx-tensorrt #457, #732, pytorch #183523); cubic in
// its coefficients and at the border; tf_crop_and_resize and antialias are not had everywhere.
var agreedResizes = []resizeMode{
	{mode: "linear", coordinates: "align_corners"},
	{mode: "linear", coordinates: "half_pixel"},
	{mode: "linear", coordinates: "asymmetric", whole: true},
	{mode: "nearest", coordinates: "asymmetric", nearest: "floor", whole: true},
}

// checkResizes refuses resizes on which engines disagree. pytorch_half_pixel is written as half_pixel first, which is the
// same wherever the output has more than one row and column.
func (d *deployment) checkResizes(m *onnx.Model) error {
	if d.AnyResize {
		return nil
	}
	r, err := pass.Infer(m)
	if err != nil {
		return err
	}
	for i, n := range m.GetGraph().GetNode() {
		if n.GetOpType() != "Resize" || n.GetDomain() != "" && n.GetDomain() != "ai.onnx" {
			continue
		}
		call := r.Nodes[slices.IndexFunc(r.Nodes, func(x *check.NodeInfo) bool { return x.Node == n })].Call
		attrs := call.Attrs
		coordinates := attrs.String("coordinate_transformation_mode")
		if coordinates == "pytorch_half_pixel" && allOver1(call.Out[0].Sizes()) {
			coordinates = "half_pixel"
			for _, a := range n.Attribute {
				if a.GetName() == "coordinate_transformation_mode" {
					a.S = []byte(coordinates)
				}
			}
		}
		whole := false
		if len(call.In) > 2 && call.In[2] != nil && call.In[2].Value != nil {
			scales := tensor.Data[float32](call.In[2].Value)
			whole = len(scales) > 0 && !slices.ContainsFunc(scales, func(s float32) bool { return s < 1 || s != float32(int(s)) })
		}
		agreed := slices.ContainsFunc(agreedResizes, func(a resizeMode) bool {
			return a.mode == attrs.String("mode") && a.coordinates == coordinates && (a.nearest == "" || a.nearest == attrs.String("nearest_mode")) && (!a.whole || whole)
		})
		if !agreed || attrs.Int("antialias") != 0 || attrs.Int("exclude_outside") != 0 {
			return &check.NodeError{Index: i, Name: n.GetName(), Op: n.GetOpType(), Err: optionError("engines disagree on mode %s with %s coordinates; they agree on %s (%s lets it pass)",
				attrs.String("mode"), coordinates, agreedNames(), flagAnyResize)}
		}
	}
	return nil
}

func agreedNames() string {
	var names []string
	for _, a := range agreedResizes {
		name := fmt.Sprintf("%s with %s", a.mode, a.coordinates)
		if a.nearest != "" {
			name += " and " + a.nearest
		}
		if a.whole {
			name += " by whole scales"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// allOver1 reports whether height and width are known and more than 1.
func allOver1(sizes []int, known bool) bool {
	return known && len(sizes) > 2 && !slices.ContainsFunc(sizes[2:], func(n int) bool { return n < 2 })
}
