package main

import (
	"fmt"
	"path/filepath"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/internal/report"
	"autodeeplab/train"
)

// trainColumns are the columns of log.csv that are numbers, and their tags in the event file.
var trainColumns = []report.Column[train.Record]{
	{Name: "epoch", Value: func(r train.Record) (float64, bool) { return float64(r.Epoch), true }},
	{Name: "loss", Tag: "epoch/loss", Value: func(r train.Record) (float64, bool) { return r.Loss, true }},
	{Name: "miou", Tag: "epoch/miou", Value: func(r train.Record) (float64, bool) { return r.MIoU, r.MIoU >= 0 }},
	{Name: "pixel_accuracy", Tag: "epoch/pixel_accuracy", Value: func(r train.Record) (float64, bool) { return r.PixelAccuracy, r.MIoU >= 0 }},
	{Name: "gradient_norm", Tag: "epoch/gradient_norm", Value: func(r train.Record) (float64, bool) { return r.Norm, true }},
	{Name: "rate", Tag: "epoch/rate", Value: func(r train.Record) (float64, bool) { return r.Rate, true }},
}

// trainLog keeps the log of a training: log.csv and report.html are functions of its history.
type trainLog struct {
	*report.Log[train.Record]
	dir      string
	t        *train.Trainer
	warnings []string
}

func newTrainLog(dir string, t *train.Trainer) (*trainLog, error) {
	log, err := report.NewLog(dir, !t.Finished(), trainColumns, report.Texts[train.Record]{})
	return &trainLog{Log: log, dir: dir, t: t}, err
}

func (l *trainLog) step(i train.StepInfo) {
	step := i.Epoch*i.Steps + i.Step
	l.Scalar(step, "step/loss", i.Loss)
	l.Scalar(step, "step/rate", i.Rate)
	l.Scalar(step, "step/gradient_norm", i.Norm)
	l.Scalar(step, "step/images_per_second", float64(i.Images)/i.Took.Seconds())
}

func (l *trainLog) flush() error { return l.Flush(filepath.Join(l.dir, logFile), l.t.History()) }

// report writes the page of the training and gives its path.
func (l *trainLog) report() (string, error) {
	page, err := trainPage(l.t.Summary(), l.dir)
	if err != nil {
		return "", err
	}
	page.Warnings = l.warnings
	path := filepath.Join(l.dir, reportFile)
	return path, atomicfile.Write(path, page.WriteHTML)
}

// trainPage is the report of a training as it stands, with the predictions in its folder.
func trainPage(s *train.Summary, dir string) (*report.Page, error) {
	p := &report.Page{Title: "Training", Charts: trainCharts(s.History)}
	for _, f := range train.Flags {
		p.Options = append(p.Options, report.Option{Name: "--" + f.Name, Value: f.Text(&s.Options)})
	}
	if n := len(s.History); n > 0 {
		last := s.History[n-1]
		line := fmt.Sprintf("After %d of %d epochs: loss %.4f", s.Epoch, s.Options.Epochs, last.Loss)
		if s.Best > 0 {
			line += fmt.Sprintf("; highest mIoU %s, after epoch %d", percent(s.History[s.Best-1].MIoU), s.Best)
		}
		p.Lines = []string{line + "."}
	}
	var err error
	p.Training, err = trainedNetwork(s, dir)
	return p, err
}

func trainCharts(history []train.Record) []report.Chart {
	curve := func(name, column string, scale float64) report.Curve {
		return report.Plot(name, trainColumns, column, scale, history)
	}
	return []report.Chart{
		{Title: "Loss", Unit: "cross-entropy", Curves: []report.Curve{curve("training", "loss", 1)}},
		{Title: "Validation", Unit: "%", Curves: []report.Curve{curve("mIoU", "miou", 100), curve("pixel accuracy", "pixel_accuracy", 100)}},
		{Title: "Norm of the gradient", Unit: "mean over the steps", Curves: []report.Curve{curve("norm", "gradient_norm", 1)}},
		{Title: "Learning rate", Unit: "at the epoch's end", Curves: []report.Curve{curve("rate", "rate", 1)}},
	}
}

// trainedNetwork is what the page shows of the network.
func trainedNetwork(s *train.Summary, dir string) (*report.Training, error) {
	names, palette, err := compile.Classes(s.Metadata)
	if err != nil {
		return nil, err
	}
	out := &report.Training{}
	if text, ok := s.Metadata[compile.KeyArchitecture]; ok {
		if out.Architecture, err = decode.Unmarshal([]byte(text)); err != nil {
			return nil, err
		}
	}
	for i, name := range names {
		c := report.Class{Name: name, IoU: -1}
		if i < len(palette) {
			c.Colour = palette[i]
		}
		for _, r := range s.History {
			if i < len(r.IoU) {
				c.IoU, out.Epoch = r.IoU[i], r.Epoch
			}
		}
		out.Classes = append(out.Classes, c)
	}
	out.Samples, err = readSamples(dir)
	return out, err
}
