"""A bot that only prints."""

import sys
import traceback

print("starting grid bot on BTC/USDT")
print("price", 97771.8, "spread", 0.1)
for _step in range(3):
    print(".", end="")
print(" warmed up")
for percent in (10, 50, 100):
    sys.stdout.write(f"\rloading candles {percent} %")
print()
try:
    raise ConnectionResetError(104, "Connection reset by peer")
except OSError:
    try:
        raise RuntimeError("could not fetch the order book")
    except RuntimeError:
        traceback.print_exc()
print("ERROR: order rejected: insufficient balance", file=sys.stderr)
sys.stdout.buffer.write("잔고 1000 KRW\n".encode())
print("no line end", end="")
