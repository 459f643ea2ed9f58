package compile

import (
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// resolveInput refuses what the network's input cannot become.
func (d *deployment) resolveInput() error {
	if d.bytes {
		switch {
		case d.Input == InputFloat:
			return optionError("the model takes uint8 pictures: compile it from its float form, or leave %s away", flagInput)
		case d.Mean != nil || d.Std != nil:
			return optionError("the model takes uint8 pictures and has its normalisation inside (%s)", flagNormalize)
		case d.averages():
			return optionError("the model takes uint8 pictures already: compile the scales from its float form (%s, %s)", flagScales, flagFlip)
		}
		return nil
	}
	channels := d.model.Graph.Input[0].GetType().GetTensorType().GetShape().GetDim()[1].GetDimValue()
	if d.Input == InputUint8 && channels != 3 {
		return optionError("the model's input has %d channels, want the 3 of RGB for %s uint8", channels, flagInput)
	}
	if d.Mean == nil && d.Std == nil {
		return nil
	}
	if _, inside := onnx.Metadata(d.source)[KeyInput]; inside {
		return optionError("the model has its normalisation inside (%s)", flagNormalize)
	}
	if n := max(len(d.Mean), len(d.Std)); n > 1 && int64(n) != channels {
		return optionError("%d numbers for %d channels (%s)", n, channels, flagNormalize)
	}
	return nil
}

// input adds the graph's input and what turns it into what the network reads: the value that it gives.
//
// Bytes are cast before they are transposed, because TensorRT lets a uint8 input be read by a Cast alone.
func (d *deployment) input(b *assembly) string {
	b.values[d.image] = true
	declared := d.declaredInput(d.axes)
	picture := d.image
	if d.Input == InputUint8 && !d.bytes {
		batch, height, width := d.axes.dims()
		declared = onnx.NewValueInfo(d.image, tensor.Uint8, []*onnx.Dim{batch, height, width, onnx.FixedDim(3)})
		picture = b.node("Cast", "input/Cast", []string{picture}, onnx.AttrInt("to", int(tensor.Float32)))
		picture = b.node("Transpose", "input/Transpose", []string{picture}, onnx.AttrInts("perm", 0, 3, 1, 2))
	}
	b.graph.Input = []*onnx.ValueInfo{declared}
	vector := func(name string, v []float64) string {
		data := make([]float32, len(v))
		for i, x := range v {
			data[i] = float32(x)
		}
		return b.constant(name, tensor.Of(data, len(v), 1, 1))
	}
	if d.Mean != nil {
		picture = b.node("Sub", "input/Sub", []string{picture, vector("input/mean", d.Mean)})
	}
	if d.Std != nil {
		picture = b.node("Div", "input/Div", []string{picture, vector("input/std", d.Std)})
	}
	return picture
}
