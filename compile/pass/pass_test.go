package pass

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/tensor"
)

const header = `<ir_version: 8, opset_import: ["" : 17]>` + "\n"

// apply parses a graph, runs one pass and prints the result in the same form.
func apply(t *testing.T, name, text string) (string, *onnx.Model) {
	t.Helper()
	m, err := onnx.Parse(header + text)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range All {
		if p.Name != name {
			continue
		}
		if err := p.Run(NewGraph(m.Graph), onnx.Opset(m)); err != nil {
			t.Fatal(err)
		}
		if f := check.Model(m, check.Options{}); len(f) > 0 {
			t.Errorf("after the pass: %v", f)
		}
		return normal(t, m), m
	}
	t.Fatalf("no pass %s", name)
	return "", nil
}

func normal(t *testing.T, m *onnx.Model) string {
	t.Helper()
	var b strings.Builder
	if err := onnx.Format(&b, m, onnx.TextOptions{Full: true}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// triangleKernels are those of an enlargement by 2.
//
//go:embed testdata/triangles.txt
var triangleKernels string

// TestPasses holds what each pass makes of a tiny graph. A graph that a pass must leave alone has no after.
func TestPasses(t *testing.T) {
	for _, test := range []struct{ name, pass, before, after string }{
		{"Relu of a concatenation", "relu-before-concat",
			`g (float[1,2,4,4] x, float[1,2,4,4] z) => (float[1,4,4,4] y, float[1,4,2,4] s) <int64[1] from = {0}, int64[1] to = {4}, int64[1] axis = {2}, int64[1] step = {2}>
			 { ["p"] p = Neg (x)  q = Relu (z)  ["c"] c = Concat <axis = 1> (p, q)  ["r"] r = Relu (c)  y = Neg (r)  h = Slice (c, from, to, axis, step)  t = Relu (h)  s = Neg (t) }`,
			`g (float[1,2,4,4] x, float[1,2,4,4] z) => (float[1,4,4,4] y, float[1,4,2,4] s) <int64[1] from = {0}, int64[1] to = {4}, int64[1] axis = {2}, int64[1] step = {2}>
			 { ["p"] p = Neg (x)  q = Relu (z)  ["p/Relu"] "p/Relu" = Relu (p)  ["c"] "c/Relu" = Concat <axis = 1> ("p/Relu", q)  y = Neg ("c/Relu")
			   "h/Relu" = Slice ("c/Relu", from, to, axis, step)  s = Neg ("h/Relu") }`},
		{"concatenation that is read without Relu, too", "relu-before-concat",
			`g (float[1,2,4,4] x) => (float[1,4,4,4] y, float[1,4,4,4] s) { c = Concat <axis = 1> (x, x)  r = Relu (c)  y = Neg (r)  s = Neg (c) }`, ""},
		{"Relu of a concatenation that is an output", "relu-before-concat",
			`g (float[1,2,4,4] x) => (float[1,4,4,4] y) { c = Concat <axis = 1> (x, x)  y = Relu (c) }`, ""},
		{"identity", "remove-identity",
			`g (float[2] x) => (float[2] y) { a = Identity (x)  b = Identity (a)  y = Relu (b) }`,
			`g (float[2] x) => (float[2] y) { y = Relu (x) }`},
		{"identity of an output", "remove-identity",
			`g (float[2] x) => (float[2] y) { y = Identity (x) }`, ``},
		{"dead", "remove-dead",
			`g (float[2] x) => (float[2] y) <float[2] w = {1, 2}, float[2] v = {3, 4}> { a = Add (x, w)  b = Neg (a)  y = Add (x, v) }`,
			`g (float[2] x) => (float[2] y) <float[2] v = {3, 4}> { y = Add (x, v) }`},
		{"nothing dead", "remove-dead",
			`g (float[2] x) => (float[2] y) { a = Neg (x)  y = Relu (a) }`, ``},
		// a = s/√(var+ε) = 6/√(3.75+0.25) = 3 and 4/√4 = 2; d = t − mean·a = 1 − 5·3 = −14 and 0 − (−1)·2 = 2.
		{"batch normalisation", "fold-batchnorm",
			`g (float[1,1,1,1] x) => (float[1,2,1,1] y)
			 <float[2,1,1,1] w = {10, 20}, float[2] s = {6, 4}, float[2] t = {1, 0}, float[2] m = {5, -1}, float[2] v = {3.75, 3.75}>
			 { [c] a = Conv (x, w)  [b] y = BatchNormalization <epsilon = 0.25> (a, s, t, m, v) }`,
			`g (float[1,1,1,1] x) => (float[1,2,1,1] y)
			 <float[2,1,1,1] w = {30, 40}, float[2] s = {6, 4}, float[2] t = {1, 0}, float[2] m = {5, -1}, float[2] v = {3.75, 3.75},
			  float[2] "w/bias" = {-14, 2}>
			 { [c] y = Conv (x, w, "w/bias") }`},
		{"batch normalisation of a convolution read twice", "fold-batchnorm",
			`g (float[1,1,1,1] x) => (float[1,1,1,1] y)
			 <float[1,1,1,1] w = {10}, float[1] s = {6}, float[1] t = {1}, float[1] m = {5}, float[1] v = {3.75}>
			 { [c] a = Conv (x, w)  [b] n = BatchNormalization <epsilon = 0.25> (a, s, t, m, v)  y = Add (a, n) }`, ``},
		{"batch normalisation in training mode", "fold-batchnorm",
			`g (float[1,1,1,1] x) => (float[1,1,1,1] y, float[1] rm, float[1] rv)
			 <float[1,1,1,1] w = {10}, float[1] s = {6}, float[1] t = {1}, float[1] m = {5}, float[1] v = {3.75}>
			 { [c] a = Conv (x, w)  [b] y, rm, rv = BatchNormalization <training_mode = 1> (a, s, t, m, v) }`, ``},
		{"batch normalisation of an output", "fold-batchnorm",
			`g (float[1,1,1,1] x) => (float[1,1,1,1] y, float[1,1,1,1] a)
			 <float[1,1,1,1] w = {10}, float[1] s = {6}, float[1] t = {1}, float[1] m = {5}, float[1] v = {3.75}>
			 { [c] a = Conv (x, w)  [b] y = BatchNormalization (a, s, t, m, v) }`, ``},
		{"two convolutions of one weight", "fold-batchnorm",
			`g (float[1,1,1,1] x) => (float[1,1,1,1] y, float[1,1,1,1] z)
			 <float[1,1,1,1] w = {10}, float[1] s = {6}, float[1] t = {1}, float[1] m = {5}, float[1] v = {3.75}>
			 { [c] a = Conv (x, w)  [b] y = BatchNormalization (a, s, t, m, v)  [d] z = Conv (x, w) }`, ``},
		{"constants", "fold-constants",
			`g (float[2] x) => (float[2] y, int64[2] s) <int64[1] k = {3}>
			 { a = Constant <value_ints = [2]> ()  b = Add (a, k)  s = Concat <axis = 0> (a, b)  f = Constant <value_float = 0.5> ()  r = Sqrt (f)  y = Mul (x, f) }`,
			`g (float[2] x) => (float[2] y, int64[2] s) <int64[1] k = {3}, int64[1] a = {2}, int64[1] b = {5}, float f = {0.5}, float r = {0.70710677}>
			 { s = Concat <axis = 0> (a, b)  y = Mul (x, f) }`},
		{"a constant over the budget", "fold-constants",
			`g (float[1] x) => (float[20000] y) <int64[1] n = {20000}> { a = ConstantOfShape (n)  y = Add (x, a) }`, ``},
		{"shapes are no constants", "fold-constants",
			`g (float[2,3] x) => (int64[3] y) <int64[1] k = {3}> { s = Shape (x)  y = Concat <axis = 0> (s, k) }`, ``},
		{"sizes of fixed axes", "shape-constants",
			`g (float[N,3] x, float[65,97] z) => (int64[2] a, int64[2] b)
			 <int64[1] zero = {0}, int64[1] one = {1}, int64[1] two = {2}, int64[2] k = {1, 1}>
			 { s = Shape (x)  n = Slice (s, zero, one)  c = Slice (s, one, two)  d = Mul (c, two)  a = Concat <axis = 0> (n, d)
			   t = Shape (z)  u = Mul (t, two)  b = Sub (u, k) }`,
			`g (float[N,3] x, float[65,97] z) => (int64[2] a, int64[2] b)
			 <int64[1] zero = {0}, int64[1] one = {1}, int64[1] two = {2}, int64[2] k = {1, 1}, int64[1] c = {3}, int64[1] d = {6},
			  int64[2] t = {65, 97}, int64[2] u = {130, 194}>
			 { s = Shape (x)  n = Slice (s, zero, one)  a = Concat <axis = 0> (n, d)  b = Sub (u, k) }`},
		{"a resize that samples", "stride-sampling",
			`g (float[1,8,65,97] x) => (float[1,8,33,25] y) <int64[4] s = {1, 8, 33, 25}>
			 { [r] y = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s) }`,
			`g (float[1,8,65,97] x) => (float[1,8,33,25] y)
			 <int64[4] s = {1, 8, 33, 25}, int64[2] "y/starts" = {0, 0}, int64[2] "y/ends" = {65, 97}, int64[2] "y/axes" = {2, 3}, int64[2] "y/steps" = {2, 4}>
			 { [r] y = Slice (x, "y/starts", "y/ends", "y/axes", "y/steps") }`},
		{"a resize that samples one axis, of a named batch", "stride-sampling",
			`g (float[N,8,65,W] x) => (float[N,8,33,W] y) <int64[1] c = {8}, int64[1] h = {33}, int64[1] zero = {0}, int64[1] one = {1}, int64[1] three = {3}, int64[1] four = {4}>
			 { t = Shape (x)  n = Slice (t, zero, one)  w = Slice (t, three, four)  s = Concat <axis = 0> (n, c, h, w)
			   [r] y = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s) }`,
			`g (float[N,8,65,W] x) => (float[N,8,33,W] y)
			 <int64[1] c = {8}, int64[1] h = {33}, int64[1] zero = {0}, int64[1] one = {1}, int64[1] three = {3}, int64[1] four = {4},
			  int64[1] "y/starts" = {0}, int64[1] "y/ends" = {65}, int64[1] "y/axes" = {2}, int64[1] "y/steps" = {2}>
			 { t = Shape (x)  n = Slice (t, zero, one)  w = Slice (t, three, four)  s = Concat <axis = 0> (n, c, h, w)
			   [r] y = Slice (x, "y/starts", "y/ends", "y/axes", "y/steps") }`},
		{"a resize to the same size", "stride-sampling",
			`g (float[1,8,65,97] x) => (float[1,8,65,97] y) <int64[4] s = {1, 8, 65, 97}>
			 { [r] a = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s)  y = Relu (a) }`,
			`g (float[1,8,65,97] x) => (float[1,8,65,97] y) <int64[4] s = {1, 8, 65, 97}> { y = Relu (x) }`},
		{"a resize to half an even size", "stride-sampling",
			`g (float[1,8,64,97] x) => (float[1,8,32,49] y) <int64[4] s = {1, 8, 32, 49}>
			 { [r] y = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s) }`, ``},
		{"half pixels", "stride-sampling",
			`g (float[1,8,65,97] x) => (float[1,8,33,49] y) <int64[4] s = {1, 8, 33, 49}> { [r] y = Resize <mode = "linear"> (x, , , s) }`, ``},
		{"a resize by whole factors", "integer-resize",
			`g (float[1,8,33,25] x) => (float[1,8,65,97] y) <int64[4] s = {1, 8, 65, 97}>
			 { [r] y = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s) }`,
			`g (float[1,8,33,25] x) => (float[1,8,65,97] y)
			 <int64[4] s = {1, 8, 65, 97}, float[4] "y/scales" = {1, 1, 2, 4}, int64[2] "y/starts" = {0, 0}, int64[2] "y/ends" = {65, 97}, int64[2] "y/axes" = {2, 3}>
			 { [r] "y/whole" = Resize <coordinate_transformation_mode = "asymmetric", mode = "linear"> (x, , "y/scales")
			   ["r/crop"] y = Slice ("y/whole", "y/starts", "y/ends", "y/axes") }`},
		{"a resize by a broken factor", "integer-resize",
			`g (float[1,8,32,49] x) => (float[1,8,64,97] y) <int64[4] s = {1, 8, 64, 97}>
			 { [r] y = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s) }`, ``},
		{"an enlargement before a 3×3 convolution", "upsampled-conv",
			`g (float[1,1,2,2] x, float[1,1,3,3] l) => (float[1,1,3,3] y)
			 <int64[4] s = {1, 1, 3, 3}, float[1,2,3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19}, float[1] b = {5}>
			 { [r] u = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s)
			   c = Concat <axis = 1> (u, l)  ["p/Conv"] y = Conv <pads = [1, 1, 1, 1]> (c, w, b) }`,
			`g (float[1,1,2,2] x, float[1,1,3,3] l) => (float[1,1,3,3] y)
			 <int64[4] s = {1, 1, 3, 3}, float[1,1,3,3] w = {11, 12, 13, 14, 15, 16, 17, 18, 19}, float[1] b = {5},
			  float[9,1,1,1] "w/taps/weight" = {1, 2, 3, 4, 5, 6, 7, 8, 9}, int64[8] "y/edge/pads" = {0, 0, 1, 1, 0, 0, 1, 1},
			  float[1,1,4,4] "y/border/factor" = {1, -1, -1, 1, -1, 1, 1, -1, -1, 1, 1, -1, 1, -1, -1, 1},
			  int64[4] "y/pictures/shape" = {-1, 9, 4, 4},
			  float[9,1,5,5] "y/triangles" = {` + strings.TrimSpace(triangleKernels) + `}, int64[4] "y/channels/shape" = {-1, 1, 3, 3}>
			 { [r] u = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s)
			   c = Concat <axis = 1> (u, l)
			   ["p/upsampled/edge"] "y/edge" = Pad <mode = "edge"> (x, "y/edge/pads")
			   ["p/upsampled/border"] "y/border" = Mul ("y/edge", "y/border/factor")
			   ["p/upsampled/taps"] "y/taps" = Conv <kernel_shape = [1, 1]> ("y/border", "w/taps/weight")
			   ["p/upsampled/pictures"] "y/pictures" = Reshape ("y/taps", "y/pictures/shape")
			   ["p/upsampled/enlarged"] "y/enlarged" = ConvTranspose <kernel_shape = [5, 5], strides = [2, 2], pads = [4, 4, 4, 4]> ("y/pictures", "y/triangles")
			   ["p/upsampled/channels"] "y/channels" = Reshape ("y/enlarged", "y/channels/shape")
			   ["p/Conv"] "y/rest" = Conv <pads = [1, 1, 1, 1]> (l, w, b)
			   ["p/upsampled/Add"] y = Add ("y/rest", "y/channels") }`},
		{"an enlargement before a convolution with a stride", "upsampled-conv",
			`g (float[1,1,2,2] x) => (float[1,1,2,2] y) <int64[4] s = {1, 1, 3, 3}, float[1,1,3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}>
			 { u = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s)  y = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (u, w) }`, ``},
		{"an enlargement by a broken factor", "upsampled-conv",
			`g (float[1,1,3,3] x) => (float[1,1,4,4] y) <int64[4] s = {1, 1, 4, 4}, float[1,1,3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}>
			 { u = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s)  y = Conv <pads = [1, 1, 1, 1]> (u, w) }`, ``},
		{"a pixel before a 1×1 convolution", "pooled-bias",
			`g (float[1,1,1,1] p, float[1,2,3,3] a, float[1,1,3,3] b) => (float[1,2,3,3] y)
			 <int64[4] s = {1, 1, 3, 3}, float[2,4,1,1] w = {1, 2, 3, 4, 5, 6, 7, 8}, float[2] bias = {9, 10}>
			 { e = Expand (p, s)  [c] c = Concat <axis = 1> (a, e, b)  ["h/Conv"] y = Conv (c, w, bias) }`,
			`g (float[1,1,1,1] p, float[1,2,3,3] a, float[1,1,3,3] b) => (float[1,2,3,3] y)
			 <int64[4] s = {1, 1, 3, 3}, float[2,3,1,1] w = {1, 2, 4, 5, 6, 8}, float[2] bias = {9, 10}, float[2,1,1,1] "w/pooled/weight" = {3, 7}>
			 { e = Expand (p, s)  [c] c = Concat <axis = 1> (a, e, b)  ["c/spatial"] "c/spatial" = Concat <axis = 1> (a, b)
			   ["h/Conv"] "y/spatial" = Conv ("c/spatial", w)
			   ["h/pooled/Conv"] "y/pooled" = Conv <kernel_shape = [1, 1]> (p, "w/pooled/weight", bias)
			   ["h/pooled/Add"] y = Add ("y/spatial", "y/pooled") }`},
		{"two pixels, by Resize and Expand, and one other part", "pooled-bias",
			`g (float[1,1,1,1] p, float[1,1,3,3] a) => (float[1,1,3,3] y)
			 <int64[4] s = {1, 1, 3, 3}, float[1,3,1,1] w = {1, 2, 3}>
			 { e = Expand (p, s)  f = Resize <mode = "linear"> (p, , , s)  [c] c = Concat <axis = 1> (e, a, f)  ["h/Conv"] y = Conv (c, w) }`,
			`g (float[1,1,1,1] p, float[1,1,3,3] a) => (float[1,1,3,3] y)
			 <int64[4] s = {1, 1, 3, 3}, float[1,1,1,1] w = {2}, float[1,1,1,1] "w/pooled/weight" = {1}, float[1,1,1,1] "w/pooled/weight_" = {3}>
			 { e = Expand (p, s)  f = Resize <mode = "linear"> (p, , , s)  [c] c = Concat <axis = 1> (e, a, f)
			   ["h/Conv"] "y/spatial" = Conv (a, w)
			   ["h/pooled/Conv"] "y/pooled" = Conv <kernel_shape = [1, 1]> (p, "w/pooled/weight")
			   ["h/pooled/Add"] "y/sum" = Add ("y/spatial", "y/pooled")
			   ["h/pooled/Conv_"] "y/pooled_" = Conv <kernel_shape = [1, 1]> (p, "w/pooled/weight_")
			   ["h/pooled/Add_"] y = Add ("y/sum", "y/pooled_") }`},
		{"a pixel before a padded convolution", "pooled-bias",
			`g (float[1,1,1,1] p, float[1,1,3,3] a) => (float[1,1,5,5] y) <int64[4] s = {1, 1, 3, 3}, float[1,2,1,1] w = {1, 2}>
			 { e = Expand (p, s)  [c] c = Concat <axis = 1> (a, e)  ["h/Conv"] y = Conv <pads = [1, 1, 1, 1]> (c, w) }`, ``},
		{"a pixel of a batch that may be spread, too", "pooled-bias",
			`g (float[1,1,1,1] p, float[N,1,3,3] a, int64[4] s) => (float[N,1,3,3] y) <float[1,2,1,1] w = {1, 2}>
			 { e = Expand (p, s)  [c] c = Concat <axis = 1> (a, e)  ["h/Conv"] y = Conv (c, w) }`, ``},
		// x·0.5 − 1 = 0.5·(x − 2): the border keeps its meaning because the subtraction stays.
		{"scaling before a padded convolution", "fold-normalization",
			`g (float[1,1,3,3] x) => (float[1,1,3,3] y) <float a = {0.5}, float b = {1}, float[1,1,3,3] w = {2, 4, 6, 8, 10, 12, 14, 16, 18}>
			 { [m] m = Mul (x, a)  [s] s = Sub (m, b)  [c] y = Conv <pads = [1, 1, 1, 1]> (s, w) }`,
			`g (float[1,1,3,3] x) => (float[1,1,3,3] y)
			 <float a = {0.5}, float b = {1}, float[1,1,3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}, float "s/center" = {2}>
			 { [s] s = Sub (x, "s/center")  [c] y = Conv <pads = [1, 1, 1, 1]> (s, w) }`},
		// (x − m)/d by channels, 1/d = 2 and 4, m = 1 and 3; bias 5 − (2·1·2 + 3·3·4) = −35.
		{"scaling by channels before a convolution without pads", "fold-normalization",
			`g (float[1,2,1,1] x) => (float[1,1,1,1] y) <float[2,1,1] m = {1, 3}, float[1,2,1,1] d = {0.5, 0.25}, float[1,2,1,1] w = {2, 3}, float[1] b = {5}>
			 { [s] s = Sub (x, m)  [d] t = Div (s, d)  [c] y = Conv (t, w, b) }`,
			`g (float[1,2,1,1] x) => (float[1,1,1,1] y) <float[2,1,1] m = {1, 3}, float[1,2,1,1] d = {0.5, 0.25}, float[1,2,1,1] w = {4, 12}, float[1] b = {5},
			  float[1] "w/shifted/bias" = {-35}>
			 { [c] y = Conv (x, w, "w/shifted/bias") }`},
		{"centers that differ by channels, in groups, under auto_pad", "fold-normalization",
			`g (float[1,2,4,4] x) => (float[1,2,2,2] y) <float[1,2,1,1] m = {2, 4}, float[2,1,1] d = {0.5, 2}, float[2,1,3,3] w = {1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2}>
			 { [u] u = Mul (m, x)  [s] s = Add (d, u)  [c] y = Conv <auto_pad = "SAME_UPPER", strides = [2, 2], group = 2> (s, w) }`,
			`g (float[1,2,4,4] x) => (float[1,2,2,2] y) <float[1,2,1,1] m = {2, 4}, float[2,1,1] d = {0.5, 2}, float[2,1,3,3] w = {2, 2, 2, 2, 2, 2, 2, 2, 2, 8, 8, 8, 8, 8, 8, 8, 8, 8},
			  float[2,1,1] "s/center" = {-0.25, -0.5}>
			 { [s] s = Sub (x, "s/center")  [c] y = Conv <auto_pad = "SAME_UPPER", strides = [2, 2], group = 2> (s, w) }`},
		{"a factor alone", "fold-normalization",
			`g (float[1,1,3,3] x) => (float[1,1,3,3] y) <float a = {0.5}, float[1,1,3,3] w = {2, 4, 6, 8, 10, 12, 14, 16, 18}>
			 { m = Mul (x, a)  y = Conv <pads = [1, 1, 1, 1]> (m, w) }`,
			`g (float[1,1,3,3] x) => (float[1,1,3,3] y) <float a = {0.5}, float[1,1,3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}>
			 { y = Conv <pads = [1, 1, 1, 1]> (x, w) }`},
		{"the one subtraction that must stay", "fold-normalization",
			`g (float[1,1,3,3] x) => (float[1,1,3,3] y) <float b = {1}, float[1,1,3,3] w = {2, 4, 6, 8, 10, 12, 14, 16, 18}>
			 { s = Sub (x, b)  y = Conv <pads = [1, 1, 1, 1]> (s, w) }`, ``},
		{"scaling that another node reads", "fold-normalization",
			`g (float[1,1,3,3] x) => (float[1,1,3,3] y, float[1,1,3,3] z) <float a = {2}, float[1,1,3,3] w = {2, 4, 6, 8, 10, 12, 14, 16, 18}>
			 { m = Mul (x, a)  y = Conv <pads = [1, 1, 1, 1]> (m, w)  z = Relu (m) }`, ``},
		{"labels", "channels-last-labels",
			`g (float[1,3,5,5] x) => (int64[1,9,13] y) <int64[4] s = {1, 3, 9, 13}>
			 { [r] a = Resize <mode = "linear"> (x, , , s)  [m] y = ArgMax <axis = 1, keepdims = 0> (a) }`,
			`g (float[1,3,5,5] x) => (int64[1,9,13] y) <int64[4] s = {1, 3, 9, 13}, int64[4] "s/channels_last" = {1, 9, 13, 3}>
			 { ["r/Transpose"] "a/channels_last" = Transpose <perm = [0, 2, 3, 1]> (x)
			   [r] a = Resize <mode = "linear"> ("a/channels_last", , , "s/channels_last")  [m] y = ArgMax <axis = 3, keepdims = 0> (a) }`},
		{"labels of computed sizes", "channels-last-labels",
			`g (float[N,3,5,5] x, int64[2] hw) => (int64[N,H,W] y) <int64[1] zero = {0}, int64[1] two = {2}>
			 { t = Shape (x)  n = Slice (t, zero, two)  s = Concat <axis = 0> (n, hw)
			   [r] a = Resize <mode = "linear"> (x, , , s)  [m] y = ArgMax <axis = -3, keepdims = 0> (a) }`,
			`g (float[N,3,5,5] x, int64[2] hw) => (int64[N,H,W] y) <int64[1] zero = {0}, int64[1] two = {2}, int64[4] "a/order" = {0, 2, 3, 1}>
			 { t = Shape (x)  n = Slice (t, zero, two)  s = Concat <axis = 0> (n, hw)
			   ["r/Transpose"] "a/channels_last" = Transpose <perm = [0, 2, 3, 1]> (x)
			   ["r/Gather"] "s/channels_last" = Gather <axis = 0> (s, "a/order")
			   [r] a = Resize <mode = "linear"> ("a/channels_last", , , "s/channels_last")  [m] y = ArgMax <axis = 3, keepdims = 0> (a) }`},
		{"labels beside the scores", "channels-last-labels",
			`g (float[1,3,5,5] x) => (int64[1,9,13] y, float[1,3,9,13] a) <int64[4] s = {1, 3, 9, 13}>
			 { [r] a = Resize <mode = "linear"> (x, , , s)  [m] y = ArgMax <axis = 1, keepdims = 0> (a) }`, ``},
		{"one ReLU for a tensor read five times", "common-subexpressions",
			`g (float[2] x) => (float[2] y) { a = Relu (x)  b = Relu (x)  c = Relu (x)  d = Relu (x)  e = Relu (x)
			   p = Add (a, b)  q = Add (c, d)  r = Mul (p, q)  y = Mul (r, e) }`,
			`g (float[2] x) => (float[2] y) { a = Relu (x)  p = Add (a, a)  r = Mul (p, p)  y = Mul (r, a) }`},
		{"equal sizes", "common-subexpressions",
			`g (float[1] x) => (float[2,3] y) <int64[2] s = {2, 3}, int64[2] t = {2, 3}, int64[2] u = {3, 2}>
			 { a = Expand (x, s)  b = Expand (x, t)  y = Add (a, b) }`,
			`g (float[1] x) => (float[2,3] y) <int64[2] s = {2, 3}, int64[2] t = {2, 3}, int64[2] u = {3, 2}> { a = Expand (x, s)  y = Add (a, a) }`},
		{"other attributes, random numbers and outputs", "common-subexpressions",
			`g (float[2,2] x) => (float[2,2] y, float[2,2] z) <float r = {0.5}, bool t = {1}>
			 { a = Softmax <axis = 0> (x)  b = Softmax <axis = 1> (x)  c = Dropout (x, r, t)  d = Dropout (x, r, t)
			   e = Add (a, b)  f = Add (c, d)  y = Relu (x)  z = Relu (x)  g = Add (e, f) }`, ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.after == "" {
				test.after = test.before
			}
			want, err := onnx.Parse(header + test.after)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := apply(t, test.pass, test.before); got != normal(t, want) {
				t.Errorf("got\n%s\nwant\n%s", got, normal(t, want))
			}
		})
	}
}

// TestCopyIsIndependent folds in a copy and leaves the original's nodes and tensors as they were.
func TestCopyIsIndependent(t *testing.T) {
	m, err := onnx.Parse(header + `g (float[1,1,1,1] x) => (float[1,1,1,1] y)
		<float[1,1,1,1] w = {10}, float[1] s = {6}, float[1] t = {1}, float[1] m = {5}, float[1] v = {3.75}>
		{ [c] a = Conv (x, w)  [b] y = BatchNormalization (a, s, t, m, v) }`)
	if err != nil {
		t.Fatal(err)
	}
	before := normal(t, m)
	var names []string
	err = Run(Copy(m), Inference, func(name string, m *onnx.Model) error {
		names = append(names, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if normal(t, m) != before {
		t.Error("the original has changed")
	}
	if len(names) != len(Inference) {
		t.Errorf("the hook saw %v", names)
	}
	stop := errors.New("stop")
	if err := Run(Copy(m), Inference, func(string, *onnx.Model) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the hook: %v", err)
	}
}

func TestBrokenWeights(t *testing.T) {
	m, err := onnx.Parse(header + `g (float[1,1,1,1] x) => (float[1,1,1,1] y)
		<float[1,1,1,1] w = {10}, float[1] s = {6}, float[1] t = {1}, float[1] m = {5}, float[1] v = {3.75}>
		{ [c] a = Conv (x, w)  [b] y = BatchNormalization (a, s, t, m, v) }`)
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Initializer[0] = &onnx.TensorPB{Name: "w", DataType: int32(tensor.Float32), Dims: []int64{math.MaxInt64}}
	if err := Run(m, Inference, nil); !errors.Is(err, onnx.ErrTensor) || !strings.Contains(err.Error(), "pass fold-batchnorm") {
		t.Errorf("got %v", err)
	}
}

func TestVerify(t *testing.T) {
	for _, table := range [][]Pass{All, Inference, Default} {
		if err := Verify(table); err != nil || len(table) < 3 {
			t.Error(len(table), err)
		}
	}
	for _, table := range [][]Pass{
		{{Name: "a"}, {Name: "a"}},
		{{Name: "b", After: []Order{{"a", "because"}}}, {Name: "a"}},
		slices.Insert(slices.Clone(Inference), 0, Inference[len(Inference)-1]),
		append([]Pass{All[len(All)-1]}, All[:len(All)-1]...),
	} {
		if err := Verify(table); err == nil {
			t.Errorf("%v is accepted", table)
		}
	}
}

func TestSelect(t *testing.T) {
	names := func(table []Pass) string {
		var list []string
		for _, p := range table {
			list = append(list, p.Name)
		}
		return strings.Join(list, " ")
	}
	all, err := Select(nil, []string{"integer-resize", "channels-last-labels", "upsampled-conv"})
	if err != nil || names(all) != names(All) {
		t.Errorf("%v, %v", names(all), err)
	}
	some, err := Select([]string{"pooled-bias", "fold-constants"}, nil)
	if err != nil || Verify(some) != nil || len(some) != len(Default)-2 || len(Default) != len(All)-3 {
		t.Errorf("%v, %v", names(some), err)
	}
	for _, test := range []struct {
		skip, with []string
		want       string
	}{
		{[]string{"x"}, nil, `no pass "x", want one of fold-batchnorm, remove-identity`},
		{nil, []string{"x"}, `no pass "x"`},
		{[]string{"remove-dead"}, nil, "the inference form needs remove-dead"},
		{[]string{"integer-resize"}, []string{"integer-resize"}, "asked for and ruled out"},
	} {
		if _, err := Select(test.skip, test.with); !errors.Is(err, ErrSelection) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want one that says %q", err, test.want)
		}
	}
}

// TestSharedKernels scales and splits a kernel that two convolutions read once for both.
func TestSharedKernels(t *testing.T) {
	got, _ := apply(t, "fold-normalization", `g (float[1,1,2,2] x, float[1,1,2,2] z) => (float[1,1,2,2] y, float[1,1,2,2] u)
		<float[1] a = {2}, float[1] b = {4}, float[1,1,1,1] "c/weight" = {3}>
		{ m = Mul (x, a)  [c] y = Conv (m, "c/weight")  n = Mul (z, a)  [d] u = Conv (n, "c/weight") }`)
	want, err := onnx.Parse(header + `g (float[1,1,2,2] x, float[1,1,2,2] z) => (float[1,1,2,2] y, float[1,1,2,2] u)
		<float[1] a = {2}, float[1] b = {4}, float[1,1,1,1] "c/weight" = {3}, float[1,1,1,1] "c/scaled/weight" = {6}>
		{ [c] y = Conv (x, "c/scaled/weight")  [d] u = Conv (z, "c/scaled/weight") }`)
	if err != nil {
		t.Fatal(err)
	}
	if got != normal(t, want) {
		t.Errorf("got\n%s", got)
	}
	got, _ = apply(t, "pooled-bias", `g (float[1,1,1,1] p, float[1,1,2,2] x, float[1,1,2,2] z) => (float[1,1,2,2] y, float[1,1,2,2] u)
		<int64[4] s = {1, 1, 2, 2}, float[1,2,1,1] "c/weight" = {3, 4}>
		{ e = Expand (p, s)  f = Concat <axis = 1> (e, x)  [c] y = Conv (f, "c/weight")  g = Concat <axis = 1> (e, z)  [d] u = Conv (g, "c/weight") }`)
	if strings.Count(got, `float[1,1,1,1] "c/`) != 2 || strings.Count(got, `"c/pooled/weight"`) != 3 || strings.Count(got, `"c/spatial/weight"`) != 3 {
		t.Errorf("got\n%s", got)
	}
}

// TestLongChains holds that passes take no square of the number of nodes: a file of strangers may have eighty thousand.
func TestLongChains(t *testing.T) {
	m := &onnx.Model{IrVersion: 8, OpsetImport: []*onnx.OpsetID{{Version: 17}}, Graph: &onnx.Graph{Name: "long",
		Input:  []*onnx.ValueInfo{onnx.NewValueInfo("x", tensor.Float32, onnx.FixedDims(1, 1, 2, 2))},
		Output: []*onnx.ValueInfo{onnx.NewValueInfo("y", tensor.Float32, onnx.FixedDims(1, 1, 2, 2))}}}
	from := "x"
	for i := range 30000 {
		to := fmt.Sprint("v", i)
		m.Graph.Node = append(m.Graph.Node, onnx.NewNode("Identity", "", []string{from}, []string{to}), onnx.NewNode("Relu", "", []string{"x"}, []string{to + "r"}))
		from = to
	}
	m.Graph.Node = append(m.Graph.Node, onnx.NewNode("Relu", "", []string{from}, []string{"y"}))
	start := time.Now()
	if err := Run(m, All, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(m.Graph.Node); n != 1 || m.Graph.Node[0].Input[0] != "x" {
		t.Errorf("%d nodes are left", n)
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("it takes %v", d)
	}
}
