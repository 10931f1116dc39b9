//go:build !planted

package zab

import "testing"

// In the build that is shipped nothing can plant a mistake, so that the compiler leaves those branches out.
func TestShippedBuildHasNoPlantedMistakes(t *testing.T) {
	c := &Core{bugs: ^bugs(0)}
	for b := bugs(1); b != 0; b <<= 1 {
		if c.has(b) {
			t.Errorf("mistake %#x can be planted", b)
		}
	}
}
