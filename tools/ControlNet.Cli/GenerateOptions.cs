using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using ControlNet.Native.Sampling;

namespace ControlNet.Cli;

/// <summary>What <c>controlnet generate</c> accepts. Every description states its default.</summary>
internal sealed class GenerateOptions
{
    private const string FromModel = "[default: the model's own]";

    public Option<string?> Model { get; } = new("--model", "-m")
    {
        Description = "Stable Diffusion model: a diffusers folder or a .safetensors file. "
            + "[default: the model bundled with the tool, where there is one]",
        HelpName = "PATH",
    };

    public ControlOptions Controls { get; } = new();

    public ImageOptions Image { get; } = new();

    public HiresOptions Hires { get; } = new();

    public Option<int> Count { get; } = new("--count", "-b")
    {
        Description = "Images to make, with seeds from --seed on; of several, --output and --save-latents get a "
            + "number, as output-0001.png, and each is written when it is finished.",
        HelpName = "COUNT",
        DefaultValueFactory = _ => 1,
    };

    public Option<string> Prompt { get; } = new("--prompt", "-p")
    {
        Description = "What the image shows; '' leaves it to the model or to the control images.",
        HelpName = "TEXT",
        Required = true,
    };

    public Option<string?> NegativePrompt { get; } = new("--negative-prompt", "-n")
    {
        Description = "What to steer away from. [default: nothing]",
        HelpName = "TEXT",
    };

    public Option<bool> TruncatePrompt { get; } = new("--truncate-prompt")
    {
        Description = "Cut prompts after 75 tokens instead of refusing them. [default: off]",
    };

    public Option<int?> Width { get; } = new("--width", "-W")
    {
        Description = "Pixels, a multiple of 8. "
            + "[default: that of --init-latents, --init-image or the first --control-image, else the model's own]",
        HelpName = "PIXELS",
    };

    public Option<int?> Height { get; } = new("--height", "-H")
    {
        Description = "Pixels, a multiple of 8. [default: as --width]",
        HelpName = "PIXELS",
    };

    public Option<int> Steps { get; } = new("--steps")
    {
        Description = "Denoising steps, 1 to 1000.",
        HelpName = "COUNT",
        DefaultValueFactory = _ => 20,
    };

    public Option<float> CfgScale { get; } = new("--cfg-scale")
    {
        Description = "How strongly the prompt is followed, 0 to 100; 1 or less computes no unconditional half.",
        HelpName = "NUMBER",
        DefaultValueFactory = _ => 7.5f,
    };

    public Option<string?> Sampler { get; } = new("--sampler")
    {
        Description = $"One of {string.Join(", ", SamplerNames.Samplers)}. {FromModel}",
        HelpName = "NAME",
    };

    public Option<string?> Scheduler { get; } = new("--scheduler")
    {
        Description = $"Spacing of noise levels: {string.Join(", ", SamplerNames.Schedules)}. {FromModel}",
        HelpName = "NAME",
    };

    public Option<long> Seed { get; } = new("--seed", "-s")
    {
        Description = "Seed of the noise, 0 or more; equal seeds give equal images.",
        HelpName = "NUMBER",
        DefaultValueFactory = _ => 0,
    };

    public Option<string> Rng { get; } = new("--rng")
    {
        Description = "Whose noise the seed gives: torch's on the 'cpu' or on 'cuda'.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "cpu",
    };

    public Option<float> Eta { get; } = new("--eta")
    {
        Description = "Noise that DDIM adds back, 0 to 1; other samplers ignore it.",
        HelpName = "NUMBER",
        DefaultValueFactory = _ => 0,
    };

    public Option<int> ClipSkip { get; } = new("--clip-skip")
    {
        Description = "Last text layer used, from the end: 1 is the last, 2 the one before it.",
        HelpName = "COUNT",
        DefaultValueFactory = _ => 1,
    };

    public Option<string?> Tokenizer { get; } = new("--tokenizer")
    {
        Description = "Folder with vocab.json and merges.txt, or bpe_simple_vocab_16e6.txt.gz. "
            + "[default: looked for in the model and beside it]",
        HelpName = "PATH",
    };

    public Option<string?> Config { get; } = new("--config")
    {
        Description = "Diffusers folder whose config.json files describe a single-file model. "
            + "[default: read off the tensors]",
        HelpName = "FOLDER",
    };

    public Option<string?> Prediction { get; } = new("--prediction")
    {
        Description = "What the UNet predicts: epsilon, v or sample. [default: what the model says]",
        HelpName = "NAME",
    };

    public Option<string?> WeightType { get; } = new("--weight-type")
    {
        Description = "How weights are kept in memory: f32, f16 or bf16. [default: as the file stores them]",
        HelpName = "TYPE",
    };

    public Option<string> Precision { get; } = new("--precision")
    {
        Description = "How networks store what they compute: f32, or f16 on a GPU, with weights in f16.",
        HelpName = "TYPE",
        DefaultValueFactory = _ => "f32",
    };

    public Option<string?> MaxMemory { get; } = new("--max-memory")
    {
        Description = "Memory that may be taken, for example 6GiB; weights are kept the fastest way that fits. "
            + "[default: at their own size]",
        HelpName = "SIZE",
    };

    public Option<string> TileVae { get; } = new("--tile-vae")
    {
        Description = "Decode and encode pictures in bands of rows, without seams: half the memory for a little time. "
            + "on; off; auto, where --max-memory asks for it.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "auto",
    };

    public Option<bool> EstimateMemory { get; } = new("--estimate-memory")
    {
        Description = "Say what the image would take in each way of keeping the weights, and stop. [default: off]",
    };

    public Option<string?> InitLatents { get; } = new("--init-latents")
    {
        Description = "Safetensors file with the unit normal noise to start from, 'latents', F32 [1, 4, H/8, W/8]. "
            + "[default: drawn from --seed]",
        HelpName = "FILE",
    };

    public Option<string?> SaveLatents { get; } = new("--save-latents")
    {
        Description = "Where to write the final latents, before the decoder, in the same form. [default: not written]",
        HelpName = "FILE",
    };

    public Option<string> Output { get; } = new("--output", "-o")
    {
        Description = "The PNG to write; an existing file is replaced.",
        HelpName = "PNG",
        DefaultValueFactory = _ => "output.png",
    };

    public DeviceOptions Device { get; } = new();

    /// <summary>Adds everything to a command, in the order of the help.</summary>
    public void AddTo(Command command)
    {
        IEnumerable<Option> all =
        [
            Model, Prompt, NegativePrompt, .. Controls.All, .. Image.All, Output, Count, Width, Height,
            .. Hires.All, Steps, CfgScale, Sampler, Scheduler, Seed, Rng, Eta, ClipSkip, TruncatePrompt, Tokenizer,
            Config, Prediction, WeightType, Precision, MaxMemory, TileVae, EstimateMemory, InitLatents,
            SaveLatents,
        ];
        all.ToList().ForEach(command.Options.Add);
        Device.AddTo(command);
    }
}
