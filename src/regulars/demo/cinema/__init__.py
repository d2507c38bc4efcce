"""The demo world `cinema`: an online seller of cinema tickets."""
