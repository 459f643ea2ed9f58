package train

import (
	"autodeeplab/compile"
	"autodeeplab/onnx"
)

// New prepares a training from its beginning. model is the network's training form for images of o.Crop, one at a time or
// of any number, and with the initial weights; it is not changed. threads is how many goroutines compute, 0 meaning all
// processors; the result does not depend on it.
func New(o Options, model *onnx.Model, data Data, threads int) (*Trainer, error) {
	return newTrainer(o, model, data, threads, nil, buildNetwork)
}

// buildNetwork makes the graph of the model for the options. What package compile made gets the sizes of the batch; another
// model must have them, or leave them open.
func buildNetwork(m *onnx.Model, o NetworkOptions) (network, error) {
	if onnx.Metadata(m)[compile.KeyForm] == compile.TrainingForm.String() {
		var err error
		if m, err = compile.Training(m, compile.DeployOptions{Batch: compile.Axis(o.Batch), Height: compile.Axis(o.Height), Width: compile.Axis(o.Width)}); err != nil {
			return nil, err
		}
	}
	n, err := NewNetwork[float32](m, o)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Resume prepares a training to go on from a checkpoint. The options, the model but for its weights, and the data must be
// those it was begun with.
func Resume(path string, o Options, model *onnx.Model, data Data, threads int) (*Trainer, error) {
	return resume(path, o, model, data, threads, buildNetwork)
}
