package compile

import (
	"fmt"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// average adds the network once for each scale, and once more for its mirror image, and gives the mean of the
// probabilities at the output's size. All copies share their weights.
//
//	picture ─▶ Resize ─▶ network ─▶ scores ───────────▶ Resize ─▶ Softmax ─┐
//	              └─▶ mirror ─▶ network ─▶ mirror ─▶ Resize ─▶ Softmax ─┴▶ Add … ─▶ Mul(1/views)
//
// The scores are mirrored back and resized from the small map that the network makes, before its own last resize.
func (d *deployment) average(b *assembly, picture string) (string, error) {
	v := &viewBuilder{deployment: d, assembly: b, picture: picture, made: make(map[string]string)}
	channels := int(d.model.Graph.Input[0].GetType().GetTensorType().GetShape().GetDim()[1].GetDimValue())
	if channels == 0 && len(d.Scales) > 0 {
		return "", optionError("the number of the picture's channels is not known, which resizing it needs (%s)", flagScales)
	}
	var sum string
	views := 0
	for _, percent := range d.views() {
		size := v.scaled(percent)
		view := picture
		if percent != 100 {
			view = b.resize(fmt.Sprintf("views/%d/Resize", percent), picture, v.sizes(fmt.Sprintf("views/%d", percent), channels, size), nil)
		}
		for _, mirrored := range []bool{false, true} {
			if mirrored && !d.Flip {
				continue
			}
			at := fmt.Sprintf("views/%d", percent)
			in := view
			if mirrored {
				at += "m"
				in = v.mirror(at+"/mirror", view)
			}
			scores, err := v.network(at, in, size, percent, mirrored)
			if err != nil {
				return "", err
			}
			views++
			p := b.softmax(at+"/Softmax", scores)
			if sum == "" {
				sum = p
			} else {
				sum = b.node("Add", at+"/Add", []string{sum, p})
			}
		}
	}
	if views == 1 {
		return sum, nil
	}
	return b.node("Mul", "views/mean", []string{sum, b.constant("views/share", tensor.Scalar(float32(1/float64(views))))}), nil
}

// viewBuilder is one call of average.
type viewBuilder struct {
	*deployment
	*assembly
	picture string
	made    map[string]string // size arithmetic, which the views share
}

// once adds a node of size arithmetic that may be there already.
func (v *viewBuilder) once(op, name string, inputs []string, attrs ...*onnx.Attribute) string {
	if v.made[name] == "" {
		v.made[name] = v.node(op, name, inputs, attrs...)
	}
	return v.made[name]
}

// extent is the height and width of something: numbers, or where one is dynamic a value that holds both.
type extent struct {
	height, width int
	value         string
}

// network adds a copy that reads view, and gives its scores at the output's size.
func (v *viewBuilder) network(at, view string, size extent, percent int, mirrored bool) (string, error) {
	axes := v.axes
	axes.height, axes.width = size.height, size.width
	g, err := v.at(axes)
	if err != nil {
		return "", fmt.Errorf("the view at scale %g (%s): %w", float64(percent)/100, flagScales, err)
	}
	result, last := v.deployment.network.output, v.lastResize(g)
	by4 := false
	if last != nil {
		if result, by4, err = v.strip(g, last); err != nil {
			return "", err
		}
	} else if v.scores.stride != 1 {
		return "", optionError("averaging over views needs scores at the input's size, or a bilinear Resize that ends there (%s, %s)", flagScales, flagFlip)
	}
	if v.OutputStride == 4 && !by4 {
		return "", optionError("the model's last Resize does not enlarge by 4 (%s)", flagOutputStride)
	}
	scores := v.add(g, at+"/", v.image, view, result)
	if mirrored {
		scores = v.mirror(at+"/mirror_back", scores)
	}
	if percent == 100 && (last == nil || v.OutputStride == 4) {
		return scores, nil
	}
	channels := v.scores.classes
	if channels == 0 {
		return "", optionError("the number of classes is not known from the graph, which averaging over views needs (%s, %s)", flagScales, flagFlip)
	}
	return v.resize(at+"/Resize_scores", scores, v.sizes("views/output", channels, v.target()), last), nil
}

// mirror turns left and right.
func (v *viewBuilder) mirror(name, x string) string {
	const far = -1 << 31 // before the first column, whatever the width
	return v.node("Slice", name, []string{
		x, v.ints("views/mirror/starts", -1), v.ints("views/mirror/ends", far), v.ints("views/mirror/axes", 3), v.ints("views/mirror/steps", -1),
	})
}

// scaled is the size of the picture at a scale: ⌊(n−1)·percent/100⌋+1 a side, as the authors' release has it, so that
// sizes of the form k·2^j+1 stay of that form where they can.
func (v *viewBuilder) scaled(percent int) extent {
	side := func(n int) int {
		if n == 0 {
			return 0
		}
		return scaledSide(n, percent)
	}
	e := extent{height: side(v.axes.height), width: side(v.axes.width)}
	if e.height == 0 || e.width == 0 {
		e.value = v.space()
		if percent != 100 {
			at := fmt.Sprintf("views/%d/size", percent)
			less := v.once("Sub", at+"/Sub", []string{e.value, v.ints("views/one", 1)})
			times := v.once("Mul", at+"/Mul", []string{less, v.ints(at+"/percent", int64(percent))})
			whole := v.once("Div", at+"/Div", []string{times, v.ints("views/hundred", 100)})
			e.value = v.once("Add", at, []string{whole, v.ints("views/one", 1)})
		}
	}
	return e
}

func scaledSide(n, percent int) int { return (n-1)*percent/100 + 1 }

// target is the size of the output.
func (v *viewBuilder) target() extent {
	e := extent{height: v.axes.height, width: v.axes.width}
	if e.height == 0 || e.width == 0 {
		e.value = v.space()
	}
	if v.OutputStride != 4 {
		return e
	}
	e.height, e.width = (e.height+3)/4, (e.width+3)/4
	if e.value != "" {
		more := v.once("Add", "views/output/Add", []string{e.value, v.ints("views/three", 3)})
		e.value = v.once("Div", "views/output/Div", []string{more, v.ints("views/four", 4)})
	}
	return e
}

// space is the value that holds the picture's height and width.
func (v *viewBuilder) space() string { return v.part("views/size", 2, 4) }

// part is a slice of the picture's shape.
func (v *viewBuilder) part(name string, from, to int64) string {
	shape := v.once("Shape", "views/shape", []string{v.picture})
	return v.once("Slice", name, []string{shape, v.ints(fmt.Sprintf("views/index%d", from), from), v.ints(fmt.Sprintf("views/index%d", to), to)})
}

// sizes is the value that holds the whole shape [batch, channels, height, width].
func (v *viewBuilder) sizes(at string, channels int, e extent) string {
	batch := v.axes.batch
	if e.value == "" && batch != 0 {
		return v.ints(at+"/sizes", int64(batch), int64(channels), int64(e.height), int64(e.width))
	}
	var parts []string
	if batch != 0 {
		parts = append(parts, v.ints(at+"/head", int64(batch), int64(channels)))
	} else {
		parts = append(parts, v.part("views/batch", 0, 1), v.ints(at+"/channels", int64(channels)))
	}
	if e.value == "" {
		e.value = v.ints(at+"/space", int64(e.height), int64(e.width))
	}
	return v.once("Concat", at+"/sizes", append(parts, e.value), onnx.AttrInt("axis", 0))
}
