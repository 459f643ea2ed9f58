package compile

import (
	"fmt"
	"strconv"

	"autodeeplab/decode"
	"autodeeplab/onnx"
)

// ReadOptions gives the architecture of a model that Compile made, in whatever form it is now, and the options that
// lower it to the same network: filters, classes, sizes and opset. Weights, form and what only goes into the metadata
// are left to the caller. The error says what the metadata lack.
func ReadOptions(m *onnx.Model) (*decode.Architecture, Options, error) {
	a, err := Architecture(m)
	if err != nil {
		return nil, Options{}, err
	}
	meta := onnx.Metadata(m)
	o := Options{Opset: onnx.Opset(m)}
	for _, number := range []struct {
		key string
		n   *int
	}{{KeyFilters, &o.Filters}, {KeyClasses, &o.Classes}} {
		if *number.n, err = strconv.Atoi(meta[number.key]); err != nil {
			return nil, Options{}, fmt.Errorf("metadata %s: %.20q, want a number", number.key, meta[number.key])
		}
	}
	n := network{model: m}
	if err := n.readInterface(); err != nil {
		return nil, Options{}, err
	}
	o.Batch, o.Height, o.Width = n.have.batch, n.have.height, n.have.width
	return a, o, nil
}

// Training gives a training form other sizes, another opset or other metadata, as o says, with its own weights. The
// result is a training form, too; what only an inference form can have is refused, see Check. All of m's metadata stays.
func Training(m *onnx.Model, o DeployOptions) (*onnx.Model, error) {
	if err := o.Check(TrainingForm); err != nil {
		return nil, err
	}
	given, err := Weights(m)
	if err != nil {
		return nil, err
	}
	a, old, err := ReadOptions(m)
	if err != nil {
		return nil, err
	}
	n := axes{old.Batch, old.Height, old.Width}.changed(&o)
	old.Batch, old.Height, old.Width = n.batch, n.height, n.width
	if o.Opset != 0 {
		old.Opset = o.Opset
	}
	old.Weights, old.Dataset, old.ClassNames, old.Palette = given, o.Dataset, o.ClassNames, o.Palette
	out, err := Compile(a, old)
	if err != nil {
		return nil, err
	}
	now := onnx.Metadata(out)
	for _, p := range m.GetMetadataProps() {
		if _, ok := now[p.GetKey()]; !ok {
			onnx.SetMetadata(out, p.GetKey(), p.GetValue())
		}
	}
	return out, nil
}
