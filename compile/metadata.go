package compile

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"autodeeplab/decode"
	"autodeeplab/onnx"
)

// Keys of metadata_props. Every rewrite of a model keeps them.
const (
	KeyVersion      = "autodeeplab.version"      // of this list: MetadataVersion
	KeyArchitecture = "autodeeplab.architecture" // the Architecture's JSON form
	KeyFilters      = "autodeeplab.filters"      // F, a decimal number
	KeyForm         = "autodeeplab.form"         // "training" or "inference"
	KeyInput        = "autodeeplab.input"        // how pictures go in: InputConvention
	KeySeed         = "autodeeplab.seed"         // of the initial weights; absent where they came from a file
	KeyClasses      = "autodeeplab.classes"      // the number of classes, a decimal number
	KeyClassNames   = "autodeeplab.class_names"  // JSON list of strings, one a class
	KeyPalette      = "autodeeplab.palette"      // JSON list of "#rrggbb", one a class
	KeyDataset      = "autodeeplab.dataset"      // the data set's name
)

// MetadataVersion is the value of KeyVersion.
const MetadataVersion = "1"

// InputConvention is the value of KeyInput for the models that Compile makes.
const InputConvention = "image: float32 NCHW, RGB 0…255, normalisation inside the graph"

func setMetadata(m *onnx.Model, a *decode.Architecture, o *Options) error {
	arch, err := decode.Marshal(a)
	if err != nil {
		return err
	}
	set := func(key, value string) { onnx.SetMetadata(m, key, value) }
	set(KeyVersion, MetadataVersion)
	set(KeyArchitecture, strings.TrimSpace(string(arch)))
	set(KeyFilters, strconv.Itoa(o.Filters))
	set(KeyForm, TrainingForm.String())
	set(KeyInput, InputConvention)
	set(KeyClasses, strconv.Itoa(o.Classes))
	if o.Weights == nil {
		set(KeySeed, strconv.FormatUint(o.Seed, 10))
	}
	if o.Dataset != "" {
		set(KeyDataset, o.Dataset)
	}
	if len(o.ClassNames) > 0 {
		names, err := json.Marshal(o.ClassNames)
		if err != nil {
			return err
		}
		set(KeyClassNames, string(names))
	}
	if len(o.Palette) > 0 {
		colours := make([]string, len(o.Palette))
		for i, c := range o.Palette {
			colours[i] = fmt.Sprintf("#%06x", c&0xffffff)
		}
		palette, err := json.Marshal(colours)
		if err != nil {
			return err
		}
		set(KeyPalette, string(palette))
	}
	return nil
}

// Architecture reads the architecture that a compiled model carries in its metadata.
func Architecture(m *onnx.Model) (*decode.Architecture, error) {
	text, ok := onnx.Metadata(m)[KeyArchitecture]
	if !ok {
		return nil, fmt.Errorf("the model has no %s in its metadata (autodeeplab compile writes it)", KeyArchitecture)
	}
	return decode.Unmarshal([]byte(text))
}
