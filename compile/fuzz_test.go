package compile_test

import (
	"testing"
	"time"

	"autodeeplab/compile"
	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/tensor"
)

// fuzzedForms are what FuzzDeploy asks of a model.
var fuzzedForms = []compile.DeployOptions{
	{Passes: compile.PassOptions{With: []string{"integer-resize", "channels-last-labels", "upsampled-conv"}}},
	{Input: compile.InputUint8, Output: compile.OutputLabels, Mean: []float64{1, 2, 3}, AnyResize: true},
	{Output: compile.OutputProbabilities, Opset: 11, AnyResize: true},
	{Output: compile.OutputLabels, LabelType: tensor.Int64, Opset: 26, OutputStride: 4},
	{Output: compile.OutputLabels, Flip: true, Scales: []float64{0.5, 1.5}, Passes: compile.PassOptions{With: []string{"channels-last-labels"}}},
	{Batch: 2, Height: 33, Width: 33, Output: compile.OutputProbabilities, Flip: true},
	{Batch: compile.DynamicAxis, Height: compile.DynamicAxis, Width: compile.DynamicAxis},
}

// FuzzDeploy: whatever model there is, and whatever is asked of it, Deploy ends without a panic in an error or in a model
// in which the checker finds no more than in the one given.
func FuzzDeploy(f *testing.F) {
	for _, graph := range []string{
		elsewhere,
		`net (float[1,3,9,9] x) => (float[1,2,9,9] y) <float[2,3,1,1] k = {1, 2, 3, 4, 5, 6}, float a = {2}, int64[4] s = {1, 3, 5, 5}, int64[4] u = {1, 2, 9, 9}>
		 { m = Mul (x, a)  r = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (m, , , s)  c = Conv (r, k)
		   y = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (c, , , u) }`,
		`net (float[1,2,4,4] x) => (float[1,1,4,4] y) <float[1,4,1,1] k = {1, 2, 3, 4}, int64[4] s = {1, 2, 4, 4}>
		 { g = GlobalAveragePool (x)  e = Expand (g, s)  c = Concat <axis = 1> (e, x)  y = Conv (c, k) }`,
		`net (float[1,1,2,2] x) => (int64[1,4,4] y) <float[4] s = {1, 1, 2, 2}>
		 { r = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (x, , s)  y = ArgMax <axis = 1, keepdims = 0> (r) }`,
		`net (float[1,1,2,2] x) => (float[1,1,2,2] y) <float[1,1,1,1] w = {10}, float[1] s = {6}, float[1] t = {1}, float[1] m = {5}, float[1] v = {3}>
		 { a = Conv (x, w)  b = BatchNormalization (a, s, t, m, v)  c = Relu (b)  d = Relu (b)  e = Add (c, d)  y = Softmax <axis = 3> (e) }`,
		`net (float[1,2,3,2] x) => (float[1,2,5,4] y) <int64[4] s = {1, 2, 5, 4}, float[2,2,3,3] k = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9}>
		 { r = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s)  y = Conv <pads = [1, 1, 1, 1]> (r, k) }`,
	} {
		for form := range fuzzedForms {
			f.Add(`<ir_version: 8, opset_import: ["" : 17]>`+"\n"+graph, byte(form))
		}
	}
	f.Fuzz(func(t *testing.T, text string, form byte) {
		if len(text) > 1<<14 {
			return
		}
		m, err := onnx.Parse(text)
		if err != nil {
			return
		}
		before := check.Model(m, check.Options{})
		start := time.Now()
		d, err := compile.Deploy(m, fuzzedForms[int(form)%len(fuzzedForms)])
		if err == nil && len(before) == 0 {
			if found := check.Model(d, check.Options{}); len(found) > 0 {
				t.Errorf("%v in\n%s", found, full(t, d))
			}
		}
		// Passes take any graph, also those that Deploy refuses.
		pass.Run(pass.Copy(m), pass.All, nil)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it takes %v", took)
		}
	})
}
