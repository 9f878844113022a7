package postgres

import (
	"context"
	"net"
	"time"
)

// silence is when a connection on which nothing comes is asked whether the other
// side is still there, and given up.
var silence = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}

// unacknowledged is how long what was sent may stay unacknowledged by the other
// machine, where the system can be told. Without it, a statement under way while a
// network is cut would wait for a quarter of an hour.
const unacknowledged = 10 * time.Second

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: silence, Control: bound}
	return d.DialContext(ctx, network, address)
}
