package pass

import "autodeeplab/onnx"

// shape-constants writes sizes as constants where the input's are fixed, so that no engine has to follow arithmetic on
// shapes (TensorRT asks for it, and nobody needs a simplifier).
//
//	s = Shape(x)              x is float[1,3,65,97]
//	h = Slice(s, 2, 4)
//	y = Resize(x, , , h)  →   y = Resize(x, , , h)      h = {65, 97}
//
// It is fold-constants for what depends on the shapes of values, and not on their contents. Arithmetic on an axis that
// is dynamic stays.
func shapeConstants(g *Graph, opset int) error {
	return g.fold(opset, func(*onnx.Node) bool { return true })
}
