package train

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"autodeeplab/dataset"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/internal/kernel"
	"autodeeplab/internal/option"
	"autodeeplab/internal/sgd"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// Record is what is known after an epoch. Times are not in it: they differ from run to run.
type Record struct {
	Epoch int     `json:"epoch"` // finished ones, from 1
	Loss  float64 `json:"loss"`  // mean over the steps
	Norm  float64 `json:"norm"`  // of the gradient, mean over the steps
	Rate  float64 `json:"rate"`  // of the last step
	MIoU  float64 `json:"miou"`  // −1 where no validation took place
	// PixelAccuracy is a share of all pixels that count, IoU that of each class, −1 for classes that the labels do not have.
	PixelAccuracy float64   `json:"pixel_accuracy,omitempty"`
	IoU           []float64 `json:"iou,omitempty"`
}

// Score is what a validation gives; see Record.
type Score struct {
	MIoU, PixelAccuracy float64
	IoU                 []float64
}

// Hooks are called as a training goes on. All may be nil.
type Hooks struct {
	// Step follows every step.
	Step func(StepInfo)
	// Validate measures a network after an epoch. Without it nothing is validated.
	Validate func(ctx context.Context, m *onnx.Model, epoch int) (Score, error)
	// Best is given the network whenever its mIoU is the highest so far. An error ends the training before the epoch's
	// record is made, so that a resume comes by again.
	Best func(*onnx.Model) error
	// Epoch follows every epoch.
	Epoch func(Record)
}

// StepInfo is what is known after a step.
type StepInfo struct {
	Epoch, Step, Steps int // counted from 0; Steps is the number in an epoch
	Loss, Norm, Rate   float64
	Images             int
	Took               time.Duration
}

// network is what a Trainer trains: a *Network, or something smaller in tests.
type network interface {
	Parameters() []*Parameter[float32]
	Moments() []*Moments[float32]
	Step(image []float32, labels []uint8, r Random) (loss float64, err error)
	Close() error
}

// Trainer is a training at some point of its way.
type Trainer struct {
	state    state
	data     Data
	model    *onnx.Model
	net      network
	pool     *kernel.Pool
	params   []*Parameter[float32]
	values   []value     // of params, then of the moving averages of batch normalisation
	velocity [][]float32 // of params
	average  [][]float32 // of values; nil if none is kept
	batch    struct {
		read, image []float32 // as Data gives it, and as the network wants it
		labels      []uint8
	}
}

// value is a tensor of the network that training changes, whose storage is the network's.
type value struct {
	prefix, name string
	shape        []int
	data         []float32
}

type buildFunc func(*onnx.Model, NetworkOptions) (network, error)

// newTrainer is New with class weights that are known already, or nil.
func newTrainer(o Options, model *onnx.Model, data Data, threads int, weights []float64, build buildFunc) (*Trainer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	digest, err := digestModel(model)
	if err != nil {
		return nil, err
	}
	t := &Trainer{data: data, model: model}
	t.state = state{Options: o, Data: data.Fingerprint(), Model: digest, Metadata: onnx.Metadata(model), ClassWeights: weights}
	if t.steps() < 1 {
		return nil, fmt.Errorf("the training set has too few images for a step of %d, want at least one step (--batch, --accumulate)", o.Batch*o.Accumulate)
	}
	if weights == nil {
		if err := t.weigh(); err != nil {
			return nil, err
		}
	}
	t.net, err = build(model, NetworkOptions{
		Batch: o.Batch, Height: o.Crop.Height, Width: o.Crop.Width, Threads: threads, FreezeBN: o.FreezeBn, BNDecay: o.BnDecay,
		Smoothing: o.LabelSmoothing, ClassWeights: t.state.ClassWeights, Ignore: dataset.Ignore, DropPath: o.DropPath, Dropout: o.Dropout,
	})
	if err != nil {
		return nil, err
	}
	t.pool = kernel.NewPool(threads)
	t.params = t.net.Parameters()
	for _, p := range t.params {
		t.values = append(t.values, value{weightsPrefix, p.Name, p.Shape, p.Value})
		t.velocity = append(t.velocity, make([]float32, len(p.Value)))
	}
	for _, m := range t.net.Moments() {
		t.values = append(t.values, value{meanPrefix, m.MeanName, []int{len(m.Mean)}, m.Mean}, value{meanPrefix, m.VarianceName, []int{len(m.Variance)}, m.Variance})
	}
	if o.Average > 0 {
		for _, v := range t.values {
			t.average = append(t.average, slices.Clone(v.data))
		}
	}
	n := o.Batch * o.Crop.Height * o.Crop.Width
	t.batch.read, t.batch.image, t.batch.labels = make([]float32, 3*n), make([]float32, 3*n), make([]uint8, n)
	return t, nil
}

// weigh finds the class weights.
func (t *Trainer) weigh() error {
	o, classes := &t.state.Options, len(t.data.Classes())
	if o.ClassWeights == BalancedWeights {
		pixels, err := t.data.Pixels()
		if err != nil {
			return err
		}
		t.state.ClassWeights = Balance(pixels, balanceLimit)
		return nil
	}
	weights, err := o.weights()
	if err != nil {
		return err
	}
	if weights != nil && len(weights) != classes {
		return fmt.Errorf("--class-weights has %d weights, want %d, one a class", len(weights), classes)
	}
	t.state.ClassWeights = weights
	return nil
}

// resume is Resume.
func resume(path string, o Options, model *onnx.Model, data Data, threads int, build buildFunc) (*Trainer, error) {
	f, err := kind.Read(path)
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Sweep(path); err != nil { // of a training that was killed while it wrote
		return nil, err
	}
	s, err := readState(path, f)
	if err != nil {
		return nil, err
	}
	if name, got, want := option.Difference(s.Options, o); name != "" {
		return nil, fmt.Errorf("%s: the checkpoint was made with %s %v, want %v as now asked for (--%[2]s, or another --output)", path, name, got, want)
	}
	if s.Data != data.Fingerprint() {
		return nil, fmt.Errorf("%s: the checkpoint was made with another data set", path)
	}
	t, err := newTrainer(o, model, data, threads, s.ClassWeights, build)
	if err != nil {
		return nil, err
	}
	if s.Model != t.state.Model {
		err = fmt.Errorf("%s: the checkpoint was made with another network", path)
	} else {
		err = f.Restore(t.tensors())
	}
	if err != nil {
		t.Close()
		return nil, err
	}
	t.state = *s
	return t, nil
}

// Close releases what computes. The training cannot go on afterwards. The data are the caller's to close.
func (t *Trainer) Close() {
	t.net.Close()
	t.pool.Close()
}

// Options gives what the training was begun with.
func (t *Trainer) Options() Options { return t.state.Options }

// History lists the finished epochs.
func (t *Trainer) History() []Record { return t.state.History }

// Summary is what a checkpoint of now would tell.
func (t *Trainer) Summary() *Summary { return t.state.summary() }

// Best gives the record with the highest mIoU, the first of equals; nil if there was no validation.
func (t *Trainer) Best() *Record {
	if t.state.Best == 0 {
		return nil
	}
	return &t.state.History[t.state.Best-1]
}

// Finished reports whether the training has come to its end.
func (t *Trainer) Finished() bool { return t.state.Finished }

// Steps is how many steps an epoch has.
func (t *Trainer) Steps() int { return t.steps() }

func (t *Trainer) steps() int {
	o := &t.state.Options
	return t.data.Steps(o.Batch) / o.Accumulate
}

// Count is the number of values that are trained.
func (t *Trainer) Count() int {
	n := 0
	for _, p := range t.params {
		n += len(p.Value)
	}
	return n
}

// Model gives the network as it stands, or, where one is kept, its moving average: the model that training began with
// and the weights of now.
func (t *Trainer) Model() (*onnx.Model, error) {
	now := make(map[string]*tensor.Tensor)
	for i, v := range t.values {
		data := v.data
		if t.average != nil {
			data = t.average[i]
		}
		now[v.name] = tensor.Of(slices.Clone(data), v.shape...)
	}
	return withInitializers(t.model, now)
}

// Checkpoint writes everything that Resume needs to the file at path, whole or not at all.
func (t *Trainer) Checkpoint(path string) error { return kind.Write(path, &t.state, t.tensors()) }

// Every says how often a training is saved beside the ends of its epochs; a part that is 0 does not count.
type Every struct {
	Time  time.Duration
	Steps int
}

// Run goes on to the end of the training. After save has been called it may be resumed from there: Run calls it after
// every epoch, as often as every says, and when ctx is cancelled, whose error it then returns.
func (t *Trainer) Run(ctx context.Context, hooks Hooks, every Every, save func() error) error {
	saved, since := time.Now(), 0
	for !t.state.Finished {
		for steps := t.steps(); t.state.Step < steps; {
			if err := ctx.Err(); err != nil {
				if e := save(); e != nil {
					return e
				}
				return err
			}
			if err := t.step(steps, hooks); err != nil {
				return err
			}
			if since++; every.Time > 0 && time.Since(saved) >= every.Time || every.Steps > 0 && since >= every.Steps {
				if err := save(); err != nil {
					return err
				}
				saved, since = time.Now(), 0
			}
		}
		if err := t.endEpoch(ctx, hooks); err != nil {
			if ctx.Err() != nil { // the epoch's validation was broken off: it is done again after a resume
				if e := save(); e != nil {
					return e
				}
			}
			return err
		}
		if err := save(); err != nil {
			return err
		}
		saved, since = time.Now(), 0
	}
	return nil
}

// step adds up the gradients of Accumulate batches and updates the weights.
func (t *Trainer) step(steps int, hooks Hooks) error {
	o, began := &t.state.Options, time.Now()
	epoch, index := t.state.Epoch, t.state.Step
	at, all := epoch*steps+index, o.Epochs*steps
	info := StepInfo{Epoch: epoch, Step: index, Steps: steps, Images: o.Batch * o.Accumulate, Rate: RateAt(at, all, o.Rate, o.LastRate, o.Power, o.WarmUp)}
	var gradients [][]float32
	for _, p := range t.params {
		clear(p.Gradient)
		gradients = append(gradients, p.Gradient)
	}
	for part := range o.Accumulate {
		if err := t.data.Batch(epoch, index*o.Accumulate+part, o.Batch, t.batch.read, t.batch.labels); err != nil {
			return err
		}
		imagesFirst(t.batch.image, t.batch.read, o.Batch)
		loss, err := t.net.Step(t.batch.image, t.batch.labels, Random{Seed: o.Seed, Step: at, Steps: all, Part: part})
		if err != nil {
			return err
		}
		info.Loss += loss / float64(o.Accumulate)
	}
	info.Norm = sgd.Norm(t.pool, gradients) / float64(o.Accumulate)
	for _, v := range []struct {
		name string
		is   float64
	}{{"loss", info.Loss}, {"norm of the gradient", info.Norm}} {
		if math.IsNaN(v.is) || math.IsInf(v.is, 0) {
			return fmt.Errorf("the %s became %v at epoch %d, step %d: a smaller learning rate, a longer warm-up or clipping may help (--rate, --warm-up, --clip)", v.name, v.is, epoch+1, index+1)
		}
	}
	rule := sgd.Rule{Rate: info.Rate, Momentum: o.Momentum, Nesterov: o.Nesterov, Factor: sgd.ClipFactor(info.Norm, o.Clip) / float64(o.Accumulate)}
	for i, p := range t.params {
		if rule.Decay = 0; p.Decay {
			rule.Decay = o.Decay
		}
		sgd.Update(t.pool, rule, p.Value, t.velocity[i], p.Gradient)
	}
	for i, a := range t.average {
		sgd.Average(t.pool, keepAt(at, o.Average), a, t.values[i].data)
	}
	t.state.Sums.Loss += info.Loss
	t.state.Sums.Norm += info.Norm
	t.state.Sums.Steps++
	t.state.Step++
	info.Took = time.Since(began)
	if hooks.Step != nil {
		hooks.Step(info)
	}
	return nil
}

// imagesFirst turns [3, n, pixels] into [n, 3, pixels].
func imagesFirst(to, from []float32, n int) {
	plane := len(from) / (3 * n)
	for i := range n {
		for c := range 3 {
			copy(to[(i*3+c)*plane:][:plane], from[(c*n+i)*plane:])
		}
	}
}

// endEpoch validates, keeps the best network and writes the epoch's record.
func (t *Trainer) endEpoch(ctx context.Context, hooks Hooks) error {
	o, sums, steps := &t.state.Options, t.state.Sums, t.steps()
	r := Record{Epoch: t.state.Epoch + 1, Loss: sums.Loss / float64(sums.Steps), Norm: sums.Norm / float64(sums.Steps), MIoU: -1}
	r.Rate = RateAt(r.Epoch*steps-1, o.Epochs*steps, o.Rate, o.LastRate, o.Power, o.WarmUp)
	last := r.Epoch >= o.Epochs
	if hooks.Validate != nil && (last || o.ValidateEvery > 0 && r.Epoch%o.ValidateEvery == 0) {
		m, err := t.Model()
		if err != nil {
			return err
		}
		score, err := hooks.Validate(ctx, m, r.Epoch)
		if err != nil {
			return err
		}
		r.MIoU, r.PixelAccuracy, r.IoU = score.MIoU, score.PixelAccuracy, score.IoU
		if b := t.Best(); r.MIoU >= 0 && (b == nil || r.MIoU > b.MIoU) {
			if hooks.Best != nil {
				if err := hooks.Best(m); err != nil {
					return err
				}
			}
			t.state.Best = r.Epoch
		}
	}
	t.state.History = append(t.state.History, r)
	t.state.Epoch, t.state.Step, t.state.Sums, t.state.Finished = r.Epoch, 0, runningSums{}, last
	if hooks.Epoch != nil {
		hooks.Epoch(r)
	}
	return nil
}
