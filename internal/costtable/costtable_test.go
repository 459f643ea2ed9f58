package costtable

import (
	"context"
	"testing"

	"autodeeplab/decode"
	"autodeeplab/search"
)

// TestMeasure holds that every operator that computes something has a time, and what costs nothing has none.
func TestMeasure(t *testing.T) {
	calls := 0
	table, err := Measure(context.Background(), Options{Filters: 4, Blocks: 2, Levels: 3, Height: 65, Width: 97, Threads: 1, Runs: 2, Progress: func(done, all int) { calls++ }})
	if err != nil {
		t.Fatal(err)
	}
	if table.Format != search.CostTableFormat || len(table.Operators) != 3 || len(table.Transitions) != 3 || calls != 3*11 {
		t.Fatalf("%+v, %d calls", table, calls)
	}
	for level := range 3 {
		for op, v := range table.Operators[level] {
			if free := decode.Operator(op) == decode.None || decode.Operator(op) == decode.SkipConnect; (v == 0) != free {
				t.Errorf("%v at level %d takes %g s", decode.Operator(op), level, v)
			}
		}
		for move, v := range table.Transitions[level] {
			to := level + move - 1
			if exists := to >= 0 && to < 3; (v > 0) != exists {
				t.Errorf("move %d from level %d takes %g s", move, level, v)
			}
		}
	}
}

func TestMeasureErrors(t *testing.T) {
	for _, o := range []Options{{}, {Filters: 4, Blocks: 1, Levels: 2, Height: 8, Width: 99, Runs: 1}, {Filters: 4, Blocks: 1, Levels: 9, Height: 65, Width: 65, Runs: 1}} {
		if _, err := Measure(context.Background(), o); err == nil {
			t.Errorf("%+v is measured", o)
		}
	}
}
