package op

import (
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

func TestDepthSpaceRule(t *testing.T) {
	block := func(b int) *onnx.Attribute { return onnx.AttrInt("blocksize", b) }
	for _, c := range []windowCase{
		{"DepthToSpace", 13, windowAttrs{block(2)}, []any{"float[N,8,H,3]"}, 1, "float[N,2,?,6]"},
		{"DepthToSpace", 11, windowAttrs{block(1)}, []any{"float[N,C,H,3]"}, 1, "float[N,C,H,3]"},
		{"SpaceToDepth", 7, windowAttrs{block(3)}, []any{"uint8[N,2,H,6]"}, 1, "uint8[N,18,?,2]"},
		{"DepthToSpace", 13, windowAttrs{block(2)}, []any{"float[N,6,2,3]"}, 1, "error: want a multiple of blocksize² = 4"},
		{"DepthToSpace", 13, windowAttrs{block(1 << 32)}, []any{"float[N,6,2,3]"}, 1, `error: attribute "blocksize"`},
		{"DepthToSpace", 13, windowAttrs{block(1 << 30)}, []any{Of(tensor.Float32, 1, 0, 1<<40, 1)}, 1, "error: over the limit"},
		{"DepthToSpace", 13, windowAttrs{block(0)}, []any{"float[N,6,2,3]"}, 1, `error: attribute "blocksize"`},
		{"DepthToSpace", 13, windowAttrs{block(2), onnx.AttrString("mode", "RCD")}, []any{"float[N,8,2,3]"}, 1, "error: want DCR or CRD"},
		{"DepthToSpace", 13, windowAttrs{block(2)}, []any{"float[8,2,3]"}, 1, "error: want 4 dimensions"},
		{"SpaceToDepth", 13, windowAttrs{block(2)}, []any{"float[1,8,2,3]"}, 1, "error: multiples of blocksize 2"},
		{"SpaceToDepth", 13, windowAttrs{block(1 << 30)}, []any{Of(tensor.Float32, 1, 1<<40, 1<<30, 1<<30)}, 1, "error: over the limit"},
	} {
		c.run(t)
	}
}
