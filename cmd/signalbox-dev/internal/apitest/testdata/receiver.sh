python3 -c '
from http.server import BaseHTTPRequestHandler, HTTPServer
class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        print(self.headers["webhook-signature"], self.rfile.read(int(self.headers["content-length"])).decode(), flush=True)
        self.send_response(204), self.end_headers()
HTTPServer(("127.0.0.1", 8099), Receiver).serve_forever()'
