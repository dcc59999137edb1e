//go:build linux

package rtattr_test

import (
	"testing"

	"github.com/nlwire/nlwire/internal/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }
