package compile

import (
	"errors"

	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
)

// Deploy gives a model the form in which it is to run: input, output, sizes, operator set and passes as o says. m may be
// a training form, an inference form, a deployed model, or a segmentation network from elsewhere, as far as one input of
// pictures and one output carry what is asked for; it is not changed, and the result shares its tensors. All of m's
// metadata stays.
//
// A model that Compile made is lowered anew from the architecture in its metadata where sizes, opset or scales need it,
// with m's own weights. Others keep their graph; of it a dynamic axis can be fixed, and nodes are brought from one
// operator set to another one by one.
//
// What o asks for and m cannot have is an error that wraps ErrOptions and says why, what could be had, and the flag.
func Deploy(m *onnx.Model, o DeployOptions) (*onnx.Model, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	n, err := newNetwork(m, &o)
	if err != nil {
		return nil, err
	}
	return deploy(n, o)
}

// deploy is Deploy for a network of m.
func deploy(n *network, o DeployOptions) (*onnx.Model, error) {
	d := &deployment{DeployOptions: o, network: n}
	if err := d.resolve(); err != nil {
		return nil, err
	}
	out, err := d.build()
	if err != nil {
		return nil, err
	}
	if err := d.checkResizes(out); err != nil {
		return nil, err
	}
	if err := d.Passes.run(out); err != nil {
		return nil, err
	}
	return out, d.describe(out)
}

// deployment is one call of Deploy: its options, complete after resolve, and the network that it works on.
type deployment struct {
	DeployOptions
	*network
	scores scores // of the network's own output
}

// build assembles the graph: input, the network once a view, output.
func (d *deployment) build() (*onnx.Model, error) {
	b := newAssembly(d.network.opset)
	picture := d.input(b)
	var err error
	var result string
	if d.averages() {
		result, err = d.average(b, picture)
	} else {
		result, err = d.single(b, picture)
	}
	if err != nil {
		return nil, err
	}
	name := d.output(b, result)
	out := &onnx.Model{
		IrVersion: d.source.GetIrVersion(), OpsetImport: d.network.imports(), ProducerName: d.source.GetProducerName(),
		ProducerVersion: d.source.GetProducerVersion(), Domain: d.source.GetDomain(), ModelVersion: d.source.GetModelVersion(),
		DocString: d.source.GetDocString(), Graph: b.graph,
	}
	if ir := irVersion(d.network.opset); ir != 0 {
		out.IrVersion = ir
	}
	b.graph.Name = d.source.GetGraph().GetName()
	b.graph.DocString = d.source.GetGraph().GetDocString()
	for _, p := range d.source.GetMetadataProps() {
		onnx.SetMetadata(out, p.GetKey(), p.GetValue())
	}
	return out, d.declareOutput(b, name, out)
}

// single is the network on the picture itself.
func (d *deployment) single(b *assembly, picture string) (string, error) {
	g, err := d.at(d.axes)
	if err != nil {
		return "", err
	}
	result := d.network.output
	if d.OutputStride == 4 && d.scores.stride != 4 {
		if result, err = d.stripResize(g); err != nil {
			return "", err
		}
	}
	return b.add(g, "", d.network.image, picture, result), nil
}

// resolve completes the options from what the network is, and refuses what it cannot have.
func (d *deployment) resolve() error {
	r, err := pass.Infer(d.model)
	if err != nil {
		return err
	}
	if err := d.resolveScores(r); err != nil {
		return err
	}
	if err := d.resolveInput(); err != nil {
		return err
	}
	return d.resolveOutput()
}

// errGraph is for models without the one input and output that Deploy can work on.
var errGraph = errors.New("no network of pictures")

// bare gives a model that holds g alone, for inference.
func bare(g *onnx.Graph, imports []*onnx.OpsetID) *onnx.Model {
	return &onnx.Model{OpsetImport: imports, Graph: g}
}

// copyGraph gives a graph whose nodes may be changed; tensors are shared.
func copyGraph(g *onnx.Graph) *onnx.Graph {
	return pass.Copy(&onnx.Model{Graph: g}).Graph
}
