package compile

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image/color"
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

// Keys that Deploy adds.
const (
	KeyOutput       = "autodeeplab.output"        // what comes out: "logits", "probabilities" or "labels"
	KeyOutputStride = "autodeeplab.output_stride" // "1" or "4"; absent where it is something else
	KeySizes        = "autodeeplab.sizes"         // the sizes allowed: JSON, a SizeRanges
	KeyMean         = "autodeeplab.mean"          // the normalisation inside, (x − mean)·scale for x of 0…255: JSON list
	KeyScale        = "autodeeplab.scale"         // of one number, or one a channel
	KeyViews        = "autodeeplab.views"         // JSON, a Views; absent for one view
	KeyPasses       = "autodeeplab.passes"        // the passes that ran: JSON list of names of compile/pass
	KeyProducer     = "autodeeplab.producer"      // name and version of what made the model that was deployed first
	KeyPrecision    = "autodeeplab.precision"     // what it computes in where that is not float32: JSON, a precision.Record
)

// MetadataVersion is the value of KeyVersion.
const MetadataVersion = "1"

// InputConvention is the value of KeyInput for the models that Compile makes.
const InputConvention = "image: float32 NCHW, RGB 0…255, normalisation inside the graph"

// InputConventionUint8 is the value of KeyInput for models that take the bytes of pictures.
const InputConventionUint8 = "image: uint8 NHWC, RGB 0…255, normalisation inside the graph"

func setMetadata(m *onnx.Model, a *decode.Architecture, o *Options) error {
	arch, err := json.Marshal(a) // one line, unlike decode.Marshal
	if err != nil {
		return err
	}
	set := func(key, value string) { onnx.SetMetadata(m, key, value) }
	set(KeyVersion, MetadataVersion)
	set(KeyArchitecture, string(arch))
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
	return setClasses(m, o.ClassNames, o.Palette)
}

// SetClasses writes into a model's metadata, in place, which data set its classes are of, what they are called and how they
// are coloured; what is empty stays as it is.
func SetClasses(m *onnx.Model, dataset string, names []string, palette []color.RGBA) error {
	if dataset != "" {
		onnx.SetMetadata(m, KeyDataset, dataset)
	}
	return setClasses(m, names, palette)
}

// setClasses writes the names and colours that there are.
func setClasses(m *onnx.Model, classNames []string, palette []color.RGBA) error {
	if len(classNames) > 0 {
		if err := setJSON(m, KeyClassNames, classNames); err != nil {
			return err
		}
	}
	if len(palette) == 0 {
		return nil
	}
	colours := make([]string, len(palette))
	for i, c := range palette {
		colours[i] = fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)
	}
	return setJSON(m, KeyPalette, colours)
}

func setJSON(m *onnx.Model, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	onnx.SetMetadata(m, key, string(data))
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

// Classes reads the class names and colours that a compiled model carries in its metadata, given as metadata_props; nil
// where it has none. The error names the key that cannot be read.
func Classes(metadata map[string]string) (names []string, palette []color.RGBA, err error) {
	if text, ok := metadata[KeyClassNames]; ok {
		if err := json.Unmarshal([]byte(text), &names); err != nil {
			return nil, nil, fmt.Errorf("metadata %s: %w", KeyClassNames, err)
		}
	}
	text, ok := metadata[KeyPalette]
	if !ok {
		return names, nil, nil
	}
	var colours []string
	if err := json.Unmarshal([]byte(text), &colours); err != nil {
		return nil, nil, fmt.Errorf("metadata %s: %w", KeyPalette, err)
	}
	for _, c := range colours {
		digits, hash := strings.CutPrefix(c, "#")
		rgb, err := hex.DecodeString(digits)
		if err != nil || !hash || len(rgb) != 3 {
			return nil, nil, fmt.Errorf("metadata %s: %.20q is no colour, want \"#rrggbb\"", KeyPalette, c)
		}
		palette = append(palette, color.RGBA{R: rgb[0], G: rgb[1], B: rgb[2], A: 255})
	}
	return names, palette, nil
}
